/** `node test/sandbox/main.ts [COMMAND…]`: a sandbox with a pod `app` that runs the command, for trying by hand; Ctrl-C ends it. */
import { startSandbox } from './sandbox.ts';

const command = process.argv.slice(2);
const sandbox = await startSandbox();
await sandbox.pod('app', { command: command.length > 0 ? command : ['sleep', 'infinity'] });
process.stdout.write(`${sandbox.kubeconfig}\n`);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void sandbox.close().then(() => process.exit(0)));
