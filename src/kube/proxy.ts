/** Which proxy a server is reached through: Go's rules for HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as kubectl has them. */
import { BlockList, isIP } from 'node:net';

type Environment = Readonly<Record<string, string | undefined>>;

/** The URL of the proxy for a server, or undefined for none. */
export function proxyFor(server: URL, environment: Environment): string | undefined {
  const name = server.protocol === 'http:' ? 'HTTP_PROXY' : 'HTTPS_PROXY';
  const proxy = environment[name] || environment[name.toLowerCase()];
  if (proxy === undefined || proxy === '') return undefined;
  const exceptions = environment['NO_PROXY'] || environment['no_proxy'] || '';
  if (isLocal(host(server)) || exceptions.split(',').some((rule) => excepts(rule.trim().toLowerCase(), server))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

const host = (server: URL): string => server.hostname.replace(/^\[|\]$/g, '').toLowerCase();

const isLocal = (name: string): boolean => name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));

function excepts(rule: string, server: URL): boolean {
  if (rule === '') return false;
  if (rule === '*') return true;
  const name = host(server);
  if (rule.includes('/')) return inNetwork(name, rule);
  const [, bare = rule, port] = /^(.*[^:]):(\d+)$/.exec(rule) ?? [];
  if (port !== undefined && isIP(rule) === 0 && port !== (server.port || (server.protocol === 'http:' ? '80' : '443'))) return false;
  const pattern = (isIP(rule) === 0 ? bare : rule).replace(/^\[|\]$/g, '').replace(/^\*\./, '.');
  return pattern.startsWith('.') ? name.endsWith(pattern) : name === pattern || (isIP(name) === 0 && name.endsWith(`.${pattern}`));
}

function inNetwork(name: string, rule: string): boolean {
  const [address = '', prefix = ''] = rule.split('/');
  const [ours, theirs] = [isIP(name), isIP(address)];
  if (ours === 0 || ours !== theirs || !/^\d+$/.test(prefix) || Number(prefix) > (theirs === 4 ? 32 : 128)) return false;
  const family = theirs === 4 ? 'ipv4' : 'ipv6';
  const network = new BlockList();
  network.addSubnet(address, Number(prefix), family);
  return network.check(name, family);
}
