import { describe, expect, it } from 'vitest';
import { excerpt, refused } from '../../src/kube/errors.ts';
import { unreachable } from '../../src/kube/network.ts';
import { parseDenied, roleYaml } from '../../src/kube/rbac-hint.ts';

const asked = { server: new URL('https://k8s.example:6443'), doing: 'add a debug container to pod shop/api' };
const error = (code: number, message: string, more: object = {}) =>
  refused(asked, { code, body: JSON.stringify({ kind: 'Status', status: 'Failure', message, code, ...more }) });
const cannot = (what: string) => `User "dev" cannot ${what}`;

describe('403 of RBAC', () => {
  it('names who may not do what, with a Role to paste', () => {
    const denied = error(
      403,
      `pods "api" is forbidden: ${cannot('patch resource "pods/ephemeralcontainers" in API group "" in the namespace "shop"')}`,
      { reason: 'Forbidden' },
    );
    expect(denied).toMatchObject({
      failure: 'forbidden',
      message: 'dev may not patch pods/ephemeralcontainers in namespace shop',
      code: 403,
      reason: 'Forbidden',
    });
    expect(denied.hint).toContain('The right to patch pods/ephemeralcontainers is missing.');
    expect(denied.hint).toContain('{ apiGroups: [""], resources: [pods/ephemeralcontainers], verbs: [patch] }');
    expect(denied.hint).toContain('name: "dev", apiGroup');
  });

  it('knows both halves of the right to exec', () => {
    const get = error(403, `pods "api" is forbidden: ${cannot('get resource "pods/exec" in API group "" in the namespace "shop"')}`);
    expect(get.hint).toContain('If your Role has create on pods/exec, it lacks get: both are needed.');
    const create = error(403, 'pods "api" is forbidden: ');
    expect(create).toMatchObject({ failure: 'forbidden', message: 'You may not add a debug container to pod shop/api' });
    expect(create.hint).toContain('Your Role has get on pods/exec but not create');
    const forwarding = { ...asked, doing: 'forward a port of pod shop/api' };
    const body = JSON.stringify({ kind: 'Status', message: 'pods "api" is forbidden: ' });
    expect(refused(forwarding, { code: 403, body }).hint).toContain('Your Role has get on pods/portforward but not create');
  });

  it('sees who is nobody, and who may not impersonate', () => {
    expect(
      error(403, 'pods "api" is forbidden: User "system:anonymous" cannot get resource "pods" in API group "" in the namespace "shop"')
        .message,
    ).toBe('Cannot add a debug container to pod shop/api: the API server does not know who you are');
    expect(
      error(403, `users "jane" is forbidden: ${cannot('impersonate resource "users" in API group "" at the cluster scope')}`).message,
    ).toBe('dev may not impersonate (--as)');
  });

  it('reads the sentence', () => {
    expect(
      parseDenied('x is forbidden: User "a\\"b" cannot list resource "nodes" in API group "metrics.k8s.io" at the cluster scope'),
    ).toEqual({
      user: 'a\\"b',
      verb: 'list',
      resource: 'nodes',
      group: 'metrics.k8s.io',
      namespace: undefined,
    });
    expect(parseDenied('no')).toBeUndefined();
  });

  it('binds service accounts as such; a name cannot leave its quotes', () => {
    expect(roleYaml('shop', 'system:serviceaccount:ci:builder')).toContain('{ kind: ServiceAccount, name: "builder", namespace: "ci" }');
    expect(roleYaml('shop', 'a"}\nkind: X')).not.toContain('\nkind: X');
  });
});

const podSecurity =
  'pods "app" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "x" must not include "SYS_PTRACE" in securityContext.capabilities.add)';
const policy = `pods "app" is forbidden: ValidatingAdmissionPolicy 'images' with binding 'all' denied request: only our registry`;

describe('admission', () => {
  it.each([
    [
      403,
      podSecurity,
      'forbidden',
      'Pod Security «restricted» of this namespace refuses to add a debug container to pod shop/api',
      /^unrestricted capabilities \(container "x"/,
    ],
    [
      403,
      podSecurity.replace(':latest', ''),
      'forbidden',
      'Pod Security «restricted» of this namespace refuses to add a debug container to pod shop/api',
      /^unrestricted/,
    ],
    [422, policy, 'forbidden', 'The admission policy images refuses to add a debug container to pod shop/api', /^only our registry$/],
    [
      403,
      'admission webhook "validate.kyverno.svc-fail" denied the request: \n\npolicy Pod/shop/api',
      'forbidden',
      'The admission webhook validate.kyverno.svc-fail refuses to add a debug container to pod shop/api',
      /^policy Pod/,
    ],
    [
      400,
      'admission webhook "x" denied the request without explanation',
      'forbidden',
      'The admission webhook x refuses to add a debug container to pod shop/api',
      undefined,
    ],
    [
      500,
      'Internal error occurred: failed calling webhook "x": failed to call webhook: Post "https://x.svc": context deadline exceeded',
      'failed',
      'The admission webhook x does not work, and without it the API server does not add a debug container to pod shop/api',
      /deadline/,
    ],
    [
      403,
      'pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
      'forbidden',
      'A quota of this namespace refuses to add a debug container to pod shop/api',
      /^exceeded quota: q/,
    ],
    [
      403,
      'pods "x" is forbidden: unable to create new content in namespace shop because it is being terminated',
      'gone',
      'Cannot add a debug container to pod shop/api: its namespace is being deleted',
      /terminated/,
    ],
  ])('%i %s', (code, message, failure, expected, cause) => {
    const denied = error(code, message);
    expect(denied).toMatchObject({ failure, message: expected, code });
    if (cause === undefined) expect(denied.cause).toBeUndefined();
    else expect(denied.cause).toMatch(cause);
  });
});

describe('the rest', () => {
  it.each([
    [401, 'Unauthorized', {}, 'forbidden', 'k8s.example:6443 does not accept your credentials'],
    [
      404,
      'pods "api" not found',
      { details: { name: 'api', kind: 'pods' } },
      'gone',
      'Cannot add a debug container to pod shop/api: it does not exist',
    ],
    [
      404,
      'the server could not find the requested resource',
      { details: {} },
      'unsupported',
      'This cluster does not have what it takes to add a debug container to pod shop/api',
    ],
    [409, 'Operation cannot be fulfilled', {}, 'failed', 'Cannot add a debug container to pod shop/api: it was changed at the same time'],
    [
      409,
      'Operation cannot be fulfilled on pods "api": Precondition failed: UID in precondition: a, UID in object meta: b',
      {},
      'gone',
      'Cannot add a debug container to pod shop/api: it was replaced by another of the same name',
    ],
    [
      422,
      'Pod "api" is invalid: metadata.uid: Invalid value: "x": field is immutable',
      {},
      'gone',
      'Cannot add a debug container to pod shop/api: it was replaced by another of the same name',
    ],
    [
      422,
      'Pod "api" is invalid: spec.ephemeralContainers[0].targetContainerName: Not found: "nosuch"',
      { reason: 'Invalid' },
      'failed',
      'The API server refuses to add a debug container to pod shop/api',
    ],
    [429, 'too many', { details: { retryAfterSeconds: 3 } }, 'failed', 'k8s.example:6443 has too many requests to answer'],
    [503, 'later', {}, 'failed', 'k8s.example:6443 cannot add a debug container to pod shop/api now: it answered 503'],
  ])('%i %s', (code, message, more, failure, expected) => {
    expect(error(code, message, more)).toMatchObject({ failure, message: expected, cause: message, code });
  });

  it('keeps how long to wait', () => {
    expect(error(429, '', { details: { retryAfterSeconds: 3 } }).retryAfter).toBe(3);
    expect(refused(asked, { code: 429, body: '', retryAfter: 7 }).retryAfter).toBe(7);
  });

  it('takes pages of proxies for what they are', () => {
    expect(excerpt('<!DOCTYPE html><html><head><title> 502 Bad Gateway </title>')).toBe(
      'an HTML page «502 Bad Gateway», not an answer of Kubernetes',
    );
    expect(excerpt('<html>')).toBe('an HTML page, not an answer of Kubernetes');
    expect(excerpt(' 404 page not found\n')).toBe('404 page not found');
    expect(refused(asked, { code: 404, body: '404 page not found' })).toMatchObject({
      failure: 'failed',
      cause: '404 page not found',
      hint: expect.stringContaining('with its path'),
    });
  });
});

describe('no answer', () => {
  const failure = (code: string | undefined) => Object.assign(new Error('x'), code === undefined ? {} : { code });
  it.each([
    ['ECONNREFUSED', 'Cannot reach the API server https://k8s.example:6443: nothing listens there'],
    ['ENOTFOUND', 'Cannot reach the API server https://k8s.example:6443: there is no such host'],
    ['ETIMEDOUT', 'Cannot reach the API server https://k8s.example:6443: it does not answer'],
    ['EWHATEVER', 'Cannot reach the API server https://k8s.example:6443'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'The certificate of https://k8s.example:6443 is not signed by an authority that is trusted here'],
    ['CERT_HAS_EXPIRED', 'The certificate of https://k8s.example:6443 has expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'The certificate of https://k8s.example:6443 is for another name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'The TLS handshake with https://k8s.example:6443 failed'],
    [undefined, 'The connection to the API server https://k8s.example:6443 failed'],
  ])('%s', (code, message) => {
    expect(unreachable(asked.server, failure(code))).toMatchObject({ failure: 'failed', message, code: 0 });
  });

  it('reads the reason of both addresses of a host', () => {
    expect(unreachable(asked.server, new AggregateError([failure('ECONNREFUSED'), failure('ENETUNREACH')])).message).toMatch(
      /nothing listens there$/,
    );
  });
});
