/** The Go pods of pprof.test.ts, by name. */
import type { GoPod } from './go-pods.ts';

const declared = [{ name: 'http', containerPort: 8080 }];

/** Each is there for one thing that can be in the way. */
export const pods = {
  plain: { args: ['addr=:6060'], env: { BURN: '4' } },
  loopback: { args: ['addr=127.0.0.1:6060'] },
  named: { args: ['addr=:7070', 'addr=:8080,serve=http'], ports: [...declared, { name: 'pprof', containerPort: 7070 }] },
  declared: { args: ['addr=:8080'], ports: declared },
  prefix: { args: ['addr=:8080,prefix=/internal'], ports: declared },
  auth: { args: ['addr=:6060,auth=admin:pa55word'] },
  tls: { args: ['addr=:6060,tls=1'] },
  random: { args: ['addr=127.0.0.1:0'] },
  twins: { args: ['twin', 'addr=127.0.0.1:0', 'and', 'addr=127.0.0.1:0'] },
  stripped: { args: ['addr=:6060'], image: 'stripped' },
  oldest: { args: ['addr=:6060'], image: 'oldest' },
  'write-timeout': { args: ['addr=:6060,write=10s'], image: 'oldest' },
  rates: { args: ['addr=:6060'], env: { RATES: 'off' } },
  none: { args: ['addr=:8080,serve=http', 'addr=:9090,serve=tcp'], ports: [...declared, { containerPort: 9090 }] },
} satisfies Record<string, GoPod>;
