import { describe, expect, test } from 'vitest';
import { judge, type Knock } from '../../../src/viewers/page/gate.ts';

const secrets = { token: 'a'.repeat(32), folder: 'b'.repeat(32), session: 'c'.repeat(32) };
const host = '127.0.0.1:8321';
const cookie = `kprof=${secrets.session}`;
const inside = `/${secrets.folder}/index.html`;
const door = `/${secrets.token}`;

const knock = (path: string, headers: Knock['headers'] = {}, method = 'GET', used = false) =>
  judge({ method, path, headers: { host, ...headers } }, secrets, 8321, used);

const fromFile = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

describe('lets in', () => {
  test.each([host, 'localhost:8321', '[::1]:8321'])('with the cookie, by the name %s', (name) => {
    expect(knock(inside, { host: name, cookie })).toEqual({ kind: 'serve', name: 'index.html' });
  });
  test.each(['same-origin', 'none'])('the page’s own requests (%s)', (site) => {
    expect(knock(inside, { cookie, 'sec-fetch-site': site }).kind).toBe('serve');
    expect(knock(inside, { cookie, 'sec-fetch-site': site, origin: `http://${host}` }, 'HEAD').kind).toBe('serve');
  });
  test('among other cookies', () => expect(knock(inside, { cookie: `a=b; ${cookie}; kprof=other` }).kind).toBe('serve'));
  test('the token, also from the local file that leads to it', () => {
    expect(knock(door)).toEqual({ kind: 'exchange' });
    expect(knock(door, fromFile)).toEqual({ kind: 'exchange' });
  });
});

describe('refuses', () => {
  test.each([
    'evil.example',
    'evil.example:8321',
    '127.0.0.1',
    '127.0.0.1:80',
    'localhost',
    'localhost.:8321',
    'LOCALHOST:8321',
    '127.0.0.1:8321.evil.example',
    '0.0.0.0:8321',
    '[::]:8321',
    '',
  ])('the host "%s", whatever else it has', (name) => {
    expect(knock(inside, { host: name, cookie })).toMatchObject({ kind: 'refuse', status: 421 });
    expect(knock(door, { host: name })).toMatchObject({ kind: 'refuse', status: 421 });
  });
  test('no host', () => expect(judge({ method: 'GET', path: door, headers: {} }, secrets, 8321, false)).toMatchObject({ status: 421 }));
  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'get', ''])('the method "%s"', (method) => {
    expect(knock(inside, { cookie }, method)).toMatchObject({ status: 405 });
  });
  test.each<[string, Knock['headers']]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another site that navigates', fromFile],
    ['another port of this machine', { 'sec-fetch-site': 'same-site' }],
    ['an origin', { origin: 'https://evil.example' }],
    ['an origin that has none', { origin: 'null' }],
    ['another port as origin', { origin: 'http://127.0.0.1:8322' }],
  ])('%s', (_, headers) => expect(knock(inside, { cookie, ...headers })).toMatchObject({ status: 403 }));
  test.each<[string, Knock['headers']]>([
    ['a fetch', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty' }],
    ['a frame', { ...fromFile, 'sec-fetch-dest': 'iframe' }],
    ['a form', { ...fromFile, origin: 'https://evil.example' }],
  ])('the token in %s of another site', (_, headers) => expect(knock(door, headers)).toMatchObject({ status: 403 }));
  test('the token a second time, and asked for by HEAD', () => {
    expect(knock(door, {}, 'GET', true)).toMatchObject({ status: 403 });
    expect(knock(door, {}, 'HEAD')).toMatchObject({ status: 405 });
  });
  test.each([undefined, '', 'kprof=', 'kprof', `kprof=${'d'.repeat(32)}`, `xkprof=${secrets.session}`, `kprof=${secrets.session}0`])(
    'the cookie %s',
    (value) => expect(knock(inside, value === undefined ? {} : { cookie: value })).toMatchObject({ status: 403 }),
  );
  test.each(['/', '/index.html', `/${secrets.token.slice(1)}`, `/${'d'.repeat(32)}/index.html`, `/${secrets.folder}`, 'http://evil/'])(
    'what is not below the folder: %s',
    (path) => {
      expect(knock(path)).toMatchObject({ status: 403 });
      expect(knock(path, { cookie })).toMatchObject({ status: 404 });
    },
  );
});
