#!/bin/bash
# PID 1 of the node: runs inside its own mount, net, pid, uts and ipc
# namespaces (see up), starts every component, restarts what dies, reaps what
# is orphaned. When it dies the kernel ends everything inside.
set -u
state=$1 ip=$2 prefix=$3 bin=$4 runtime=$5 node=$6
read -r self _ </proc/self/stat # still the host's /proc: our pid out there
echo "$self" >"$state/init.pid.new" && mv "$state/init.pid.new" "$state/init.pid"

mount --make-rprivate / && mount --make-rshared /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock "$state/kubelet" "$state/log" /var/lib/kubelet
mount --bind "$state/log" /var/log
mount --bind "$state/kubelet" /var/lib/kubelet
hostname "$node"
ip link set lo up
until ip link set eth0 up 2>/dev/null; do sleep 0.05; done
ip addr add "$ip/$prefix" dev eth0
echo 1 >/proc/sys/net/ipv4/ip_forward
# The kubelet insists on these, and would set them for the whole machine.
tune() { echo "$2" >"/run/tune.${1//\//.}" && mount --bind "/run/tune.${1//\//.}" "/proc/sys/$1"; }
tune vm/overcommit_memory 1
tune vm/panic_on_oom 0
tune kernel/panic 10
tune kernel/panic_on_oops 1
tune kernel/keys/root_maxkeys 1000000
tune kernel/keys/root_maxbytes 25000000

export PATH="$runtime:$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
run() { # NAME COMMAND...
	local name=$1
	shift
	(while :; do
		"$@" >>"$state/log/$name.log" 2>&1
		echo "-- $name ended: $?" >>"$state/log/$name.log"
		sleep 1
	done) &
}
trap 'exit 0' TERM INT
pki=$state/pki
run etcd kube etcd -data-dir "$state/etcd" -client http://127.0.0.1:2379 -peer http://127.0.0.1:2380
run containerd containerd --config "$state/containerd.toml"
# shellcheck disable=SC2086
run apiserver kube apiserver --etcd-servers=http://127.0.0.1:2379 --storage-media-type=application/vnd.kubernetes.protobuf \
	--bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$ip" \
	--tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
	--kubelet-client-certificate="$pki/apiserver-kubelet-client.crt" --kubelet-client-key="$pki/apiserver-kubelet-client.key" \
	--kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
	--service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/sa.key" --service-account-signing-key-file="$pki/sa.key" \
	--service-cluster-ip-range=10.96.0.0/16 --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
	--allow-privileged=true --profiling=false --shutdown-delay-duration=0s ${KUBE_APISERVER_FLAGS:-}
ready() { kube kubectl --kubeconfig "$pki/admin.kubeconfig" get --raw /readyz >/dev/null 2>&1; }
(
	i=0 # the pause image first: containerd is up long before the API server
	until ctr -n k8s.io images import "$state/pause.tar" >>"$state/log/images.log" 2>&1 || [ $((i += 1)) -gt 100 ]; do sleep 0.2; done
) &
until ready; do sleep 0.2; done
date +%s.%N >"$state/apiserver.ready"
run controller-manager kube controller-manager --kubeconfig="$pki/controller-manager.kubeconfig" --leader-elect=false --profiling=false \
	--root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/sa.key" --use-service-account-credentials \
	--cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
run scheduler kube scheduler --kubeconfig="$pki/scheduler.kubeconfig" --leader-elect=false --profiling=false
run kubelet kube kubelet --config="$state/kubelet.yaml" --kubeconfig="$pki/kubelet-client.kubeconfig" --root-dir=/var/lib/kubelet \
	--hostname-override="$node" --node-ip="$ip" --cert-dir="$pki"
if [ -n "${KUBE_PROXY:-}" ]; then # service addresses; the conntrack limits are the machine's, not ours
	run proxy kube proxy --proxy-mode=nftables --kubeconfig="$pki/proxy.kubeconfig" --hostname-override="$node" --cluster-cidr=10.244.0.0/16 \
		--conntrack-max-per-core=0 --conntrack-min=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
fi
while :; do wait -n; done
