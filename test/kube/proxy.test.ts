import { expect, it } from 'vitest';
import { proxyFor } from '../../src/kube/proxy.ts';

it.each([
  ['https://k8s.example:6443', {}, undefined],
  ['https://k8s.example:6443', { HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128'],
  ['https://k8s.example:6443', { https_proxy: 'proxy:3128' }, 'http://proxy:3128'],
  ['https://k8s.example:6443', { HTTP_PROXY: 'http://proxy:3128' }, undefined],
  ['http://k8s.example', { HTTP_PROXY: 'http://proxy:3128' }, 'http://proxy:3128'],
  ['https://localhost:6443', { HTTPS_PROXY: 'http://proxy' }, undefined],
  ['https://127.0.0.1:6443', { HTTPS_PROXY: 'http://proxy' }, undefined],
  ['https://[::1]:6443', { HTTPS_PROXY: 'http://proxy' }, undefined],
  ['https://k8s.example', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '*' }, undefined],
  ['https://k8s.example', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'other, example' }, undefined],
  ['https://k8s.example', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '.example' }, undefined],
  ['https://example', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '.example' }, 'http://proxy'],
  ['https://k8s.example', { HTTPS_PROXY: 'http://proxy', no_proxy: '*.example' }, undefined],
  ['https://myexample', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'example' }, 'http://proxy'],
  ['https://k8s.example', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'k8s.example:443' }, undefined],
  ['https://k8s.example:6443', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'k8s.example:443' }, 'http://proxy'],
  ['https://10.1.2.3:6443', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '10.0.0.0/8' }, undefined],
  ['https://11.1.2.3:6443', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '10.0.0.0/8,nonsense/8,10.0.0.0/99' }, 'http://proxy'],
  ['https://[fd00::5]:6443', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'fd00::/8' }, undefined],
  ['https://[fd00::5]:6443', { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'fd00::5' }, undefined],
  ['https://10.1.2.3:6443', { HTTPS_PROXY: 'http://proxy', NO_PROXY: '10.1.2.3' }, undefined],
])('%s with %j goes through %s', (server, environment, expected) => {
  expect(proxyFor(new URL(server), environment)).toBe(expected);
});
