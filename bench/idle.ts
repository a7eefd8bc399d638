/**
 * `KPROF_E2E_KUBECONFIG=FILE node bench/idle.ts [SECONDS]`: a recording in which nothing is said for so long, on a real cluster, through a
 * proxy that cuts what is idle for a minute; then one whose lines fall silent in the middle, which has to be noticed within 61 s.
 */
import { clusterProxy } from '../test/e2e/big-file.ts';
import { desk, jfr, place } from '../test/e2e/support.ts';

const seconds = Number(process.argv[2] ?? 240);
const pod = 'idle';
const laptop = desk();
const ours = place('baseline');
const proxy = await clusterProxy();
const argv = (name: string, duration: number) => {
  const server = ['--server', proxy.url, '--insecure-skip-tls-verify'];
  return ['jfr', pod, '-n', ours.namespace, '--duration', `${duration}s`, '-f', name, '--no-open', ...server];
};
const tell = (what: string, right: boolean, more: string): void => {
  process.stdout.write(`${what}: ${right ? 'right' : 'WRONG'}; ${more}\n`);
  if (!right) process.exitCode = 1;
};
const recorded = (name: string): number => Number(/Duration: (\d+) s/.exec(jfr('summary', `${laptop.folder}/${name}`))?.[1]);

try {
  await ours.applyAs(pod, 'jdk17-root');
  proxy.set({ idle: 60_000 });
  const idle = await laptop.kprof(...argv('idle.jfr', seconds));
  const told = idle.stderr.match(/^The line to the pod.*$/gm) ?? [];
  tell(
    `${seconds} s of silence`,
    idle.code === 0 && told.length === 0 && recorded('idle.jfr') >= seconds - 2,
    `exit code ${idle.code} after ${(idle.took / 1000).toFixed(0)} s, ${proxy.opened()} lines, ${told.length} of them lost${idle.code === 0 ? '' : `\n${idle.stderr}`}`,
  );
  proxy.calm();
  const running = laptop.start(...argv('silent.jfr', 100));
  await running.until(/starting the recording/, 150);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const began = performance.now();
  proxy.silence('once');
  await running.until(/The line to the pod is lost/, 120);
  const noticed = (performance.now() - began) / 1000;
  const silent = await running.ended;
  const back = /The line to the pod is back/.test(silent.stderr);
  tell(
    'all lines silent',
    silent.code === 0 && noticed <= 61 && back && recorded('silent.jfr') >= 98,
    `noticed after ${noticed.toFixed(1)} s, ${back ? 'back again' : 'never back'}, exit code ${silent.code}${silent.code === 0 ? '' : `\n${silent.stderr}`}`,
  );
} finally {
  proxy.close();
  ours.remove();
  laptop.remove();
}
