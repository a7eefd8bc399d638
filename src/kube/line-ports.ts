/** Where the line between us and a pod passes the pod's node. */

/**
 * The kubelet; the API server and what connects it with its nodes: konnectivity, and RKE2's supervisor.
 * https://kubernetes.io/docs/reference/networking/ports-and-protocols/, https://docs.rke2.io/install/requirements#networking
 */
const usual = [10250, 6443, 8132, 9345];

/** TCP ports of a node by which an exec's stream may pass, where the API server is reached at this address. */
export function linePorts({ port }: URL): readonly number[] {
  // A URL has no port where it is HTTPS's own: at that one there is much else, and seldom an API server on a node.
  return port === '' ? usual : [...new Set([...usual, Number(port)])];
}
