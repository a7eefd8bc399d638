/**
 * Archives that a pod could send, and whether they may be taken. The reader takes exactly one regular file of the name that was asked for,
 * so that one rule refuses most of them; each is here all the same, for whoever changes the rule.
 */
import { gzipSync } from 'node:zlib';
import { archive, base256, close, type Entry, entry, gnu, header, posix, zeros } from './archives.ts';

/** What is asked for. */
export const name = 'capture.jfr';
export const content = Buffer.from('the recording');
export const maxBytes = 1024 * 1024;

/** A: arrives as it is. R: the whole download is refused. */
export type Verdict = 'A' | 'R';
export type Row = readonly [row: string, verdict: Verdict, bytes: Buffer, asked: string];

type Short = readonly [row: string, verdict: Verdict, bytes: Buffer, asked?: string];

/** Where links and names lead that walk out. */
export const elsewhere = `/tmp/kprof-evil-${process.pid}`;

const file = entry(content, { name });
const evil = entry(Buffer.from('evil'), { name: '.bashrc' });
const made = (fields: Partial<Entry>): Buffer => archive(name, content, fields);
const called = (other: string, fields: Partial<Entry> = {}): Buffer => archive(other, content, fields);
const link = (type: string, linkname: string, other = name): Buffer => header({ name: other, type, linkname });
const repeated = (times: number, part: Buffer): Buffer => Buffer.concat(Array.from({ length: times }, () => part));
const extension = (type: string, text: string | Buffer): Buffer =>
  entry(Buffer.from(text as string), { name: type === 'x' || type === 'g' ? 'PaxHeader' : '././@LongLink', type });
const long = (path: string): Buffer => close(extension('L', `${path}\0`), file);
/** One record of a PAX header: its length, itself included, the key and the value. */
const record = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`;
  const length = rest.length + String(rest.length + 2).length;
  return `${length}${rest}`;
};
const pax = (key: string, value: string, type = 'x'): Buffer => close(extension(type, record(key, value)), file);

const names: readonly Short[] = [
  ['the file that was asked for', 'A', made({ magic: gnu })],
  ['the same as POSIX has it', 'A', made({ magic: posix })],
  ['./name', 'A', called(`./${name}`)],
  ['name below folders', 'A', called(`tmp/kprof/${name}`)],
  ['name with a prefix', 'A', called(name, { magic: posix, prefix: 'tmp/kprof' })],
  ['name with a leading -', 'A', called('-rf'), '-rf'],
  ['absolute name', 'R', called('/etc/passwd')],
  ['absolute name that ends as asked', 'R', called(`/etc/${name}`)],
  ['absolute prefix', 'R', called(name, { magic: posix, prefix: '/etc' })],
  ['../evil', 'R', called('../evil')],
  ['../name', 'R', called(`../${name}`)],
  ['a/../../evil', 'R', called('a/../../evil')],
  ['a/../../name', 'R', called(`a/../../${name}`)],
  ['a/../b', 'R', called(`a/../${name}`)],
  ['prefix that walks out', 'R', called(name, { magic: posix, prefix: '../..' })],
  ['doubled slash', 'R', called(`a//${name}`)],
  ['..\\evil', 'R', called(`..\\${name}`)],
  ['a\\..\\..\\evil', 'R', called(`a\\..\\..\\${name}`)],
  ['backslashes behind a slash', 'R', called(`x/..\\${name}`)],
  ['C:\\x', 'R', called(`C:\\${name}`)],
  ['C:x', 'R', called(`C:${name}`)],
  ['C:../x', 'R', called(`C:../${name}`)],
  ['\\\\srv\\s\\x', 'R', called(`\\\\srv\\s\\${name}`)],
  ['\\\\?\\C:\\x', 'R', called(`\\\\?\\C:\\${name}`)],
  ['//srv/x', 'R', called(`//srv/x/${name}`)],
  ...['.', '..', '/', '', './', '../'].map((each): Short => [`"${each}" only`, 'R', called(each)]),
  ...['NUL', 'CON', 'aux.txt', 'COM1', 'x:y', `${name}:ads`, `${name}::$DATA`, `${name}.`, `${name} `, `${name}/`].map(
    (each): Short => [`"${each}", which Windows reads otherwise`, 'R', called(each)],
  ),
  ['32 folders', 'A', called(name, { magic: posix, prefix: `${'a/'.repeat(31)}a` })],
  ['33 folders', 'R', called(name, { magic: posix, prefix: `${'a/'.repeat(32)}a` })],
  ['10 000 folders', 'R', long(`${'a/'.repeat(10_000)}${name}`)],
  ['component of 256 bytes', 'R', long('a'.repeat(256))],
  ['path of more than 4096 bytes', 'R', long(`${`${'a'.repeat(200)}/`.repeat(21)}${name}`)],
  ['ESC in the name', 'R', called(`\x1b]52;c;evil\x07${name}`)],
  ['control characters in the name', 'R', called(`\r\n\t\x08${name}`)],
  ['bidi in the name', 'R', called(`\u202e${name}`)],
  ['case twin alone', 'R', called(name.toUpperCase())],
];

const entries: readonly Short[] = [
  ['extra file', 'R', close(file, evil)],
  ['extra file first', 'R', close(evil, file)],
  ['extra library', 'R', close(file, entry(content, { name: 'x.dll' }))],
  ['other file instead', 'R', called('.bashrc')],
  ['no file at all', 'R', zeros(20)],
  ['duplicate name', 'R', close(file, file)],
  ['case twin', 'R', close(file, entry(content, { name: name.toUpperCase() }))],
  ['file, then an entry below it', 'R', close(file, entry(content, { name: `${name}/x` }))],
  ['entry below it, then the file', 'R', close(entry(content, { name: `${name}/x` }), file)],
  ['10 000 entries', 'R', close(file, repeated(10_000, evil))],
  ['hard link to outside', 'R', close(link('1', '../../x'))],
  ['hard link to inside', 'R', close(file, link('1', name, 'b'))],
  ['hard link, absolute', 'R', close(link('1', '/etc/passwd'), file)],
  ['hard link through a symlink', 'R', close(link('2', '/etc', 'a'), link('1', 'a/passwd'), file)],
  ['symlink, absolute', 'R', close(link('2', '/etc/passwd'))],
  ['symlink, relative to outside', 'R', close(link('2', '../../x'))],
  ['symlink to inside', 'R', close(link('2', 'x'))],
  ['symlink, then the file through it', 'R', close(link('2', elsewhere), file)],
  ['two chained symlinks', 'R', close(link('2', 'b'), link('2', '..', 'b'), file)],
  ['folder symlink, then the file below it', 'R', close(link('2', '/tmp', 'd'), entry(content, { name: `d/${name}` }))],
  ['character device', 'R', close(header({ name, type: '3' }))],
  ['block device', 'R', close(header({ name, type: '4' }))],
  ['folder', 'R', close(header({ name, type: '5' }))],
  ['folder, then the file', 'R', close(header({ name: 'a/', type: '5' }), file)],
  ['FIFO', 'R', close(header({ name, type: '6' }))],
  ['socket, as some archives have it', 'R', close(header({ name, type: 's' }))],
  ['contiguous file', 'R', made({ type: '7' })],
  ['type NUL, as old archives have it', 'A', made({ type: '\0' })],
  ['setuid, setgid, sticky, 0777, uid 0', 'A', made({ mode: '0007777\0', uid: '0000000\0' })],
  ['mtime 2^63', 'A', made({ mtime: '\x80\0\0\0\x80\0\0\0\0\0\0\0' })],
  ['mtime that is negative', 'A', made({ mtime: '\xff'.repeat(12) })],
  ['GNU sparse', 'R', made({ type: 'S' })],
  ['GNU sparse with extension blocks', 'R', close(header({ name, type: 'S', prefix: 'x', size: 512 }), zeros(1), file)],
  ['GNU multi-volume', 'R', made({ type: 'M' })],
  ['GNU dump folder', 'R', made({ type: 'D' })],
  ['GNU volume label', 'R', close(header({ name, type: 'V' }), file)],
  ['vendor type', 'R', made({ type: 'A' })],
  ['PAX path that walks out', 'R', pax('path', '../../evil')],
  ['PAX path, as asked', 'R', pax('path', name)],
  ['PAX size', 'R', pax('size', '1')],
  ['PAX link path', 'R', pax('linkpath', '/etc/passwd')],
  ['PAX global path', 'R', pax('path', '../../evil', 'g')],
  ['PAX keys __proto__ and constructor', 'R', close(extension('x', record('__proto__', 'polluted') + record('constructor', 'x')), file)],
  ['PAX record with a bad length', 'R', close(extension('x', '999999 path=x\n'), file)],
  ['PAX record with a negative length', 'R', close(extension('x', '-5 path=x\n'), file)],
  ['PAX header of 100 MiB', 'R', close(header({ name: 'PaxHeader', type: 'x', size: 100 * 2 ** 20 }), file)],
  ['GNU long name', 'R', long(name)],
  ['GNU long link', 'R', close(extension('K', `${name}\0`), file)],
  ['GNU long name of 8 GiB', 'R', close(header({ name: '././@LongLink', type: 'L', sizeField: base256(2n ** 33n) }), file)],
  ...['L', 'K', 'x', 'g'].map((type): Short => [`10 000 headers ${type}`, 'R', close(repeated(10_000, extension(type, 'a')), file)]),
];

const fields: readonly Short[] = [
  ['size in base 256', 'A', made({ sizeField: base256(BigInt(content.length)) })],
  ['size with the top bit, 2^87', 'R', made({ sizeField: base256(2n ** 87n) })],
  ['size 2^88', 'R', made({ sizeField: base256(2n ** 88n) })],
  ['size above 2^53', 'R', made({ sizeField: base256(2n ** 53n + 1n) })],
  ['negative size', 'R', made({ sizeField: base256(-13n).fill(0xff, 0, 1) })],
  ['most negative size', 'R', made({ sizeField: Buffer.from('c00000000000000000000000', 'hex') })],
  ['negative octal size', 'R', made({ sizeField: Buffer.from('-0000000013\0') })],
  ['size "zzz"', 'R', made({ sizeField: Buffer.from('zzz\0\0\0\0\0\0\0\0\0') })],
  ['empty size', 'R', made({ sizeField: Buffer.alloc(12) })],
  ['size above the cap', 'R', close(entry(Buffer.alloc(8), { name, size: maxBytes + 1 }))],
  ['size larger than the content', 'R', close(entry(content, { name, size: 100_000 }))],
  ['size smaller than the content', 'R', close(entry(Buffer.alloc(2000, 'a'), { name, size: 1000 }))],
  ['size smaller, within the block', 'R', made({ size: content.length - 1 })],
  ['wrong checksum', 'R', made({ checksum: '000000\0 ' })],
  ['checksum of letters', 'R', made({ checksum: 'zzzzzz\0 ' })],
  ['v7 header', 'R', made({ magic: '' })],
  ['unknown magic', 'R', made({ magic: 'ustar\x0001' })],
  ['padding that is not zero', 'R', Buffer.concat([header({ name, size: 1 }), Buffer.from('a'), Buffer.alloc(511, 'b'), zeros(2)])],
];

const ends: readonly Short[] = [
  ['two blocks of zeros and no record', 'A', Buffer.concat([file, zeros(2)])],
  ['entry behind the end', 'R', Buffer.concat([close(file), close(evil)])],
  ['entry behind the two zero blocks', 'R', Buffer.concat([file, zeros(2), evil])],
  ['entry behind one zero block', 'R', Buffer.concat([file, zeros(1), evil, zeros(2)])],
  ['one zero block', 'R', Buffer.concat([file, zeros(1)])],
  ['zeros beyond the record', 'R', Buffer.concat([close(file), zeros(1)])],
  ['half a record of zeros', 'R', Buffer.concat([file, zeros(5)])],
  ['text behind the end', 'R', Buffer.concat([close(file), Buffer.from('bye')])],
  ['text before the archive', 'R', Buffer.concat([Buffer.from('sh: warning: setlocale\n'), close(file)])],
  ['text instead of the archive', 'R', Buffer.from('sh: tar: not found\n')],
  ['long text instead of the archive', 'R', Buffer.from('<html>proxy error</html>\n'.repeat(100))],
  ['cut at 0 bytes', 'R', Buffer.alloc(0)],
  ['cut in the header', 'R', close(file).subarray(0, 100)],
  ['cut behind the header', 'R', close(file).subarray(0, 512)],
  ['cut in the content', 'R', close(file).subarray(0, 520)],
  ['cut in the padding', 'R', close(file).subarray(0, 700)],
  ['cut at the boundary', 'R', close(file).subarray(0, 1024)],
  ['cut between the zero blocks', 'R', close(file).subarray(0, 1536)],
  ['cut in the record', 'R', close(file).subarray(0, 5000)],
  ['gzip instead', 'R', gzipSync(close(file))],
  ['gzip with garbage behind it', 'R', Buffer.concat([gzipSync(close(file)), Buffer.from('garbage')])],
  ['gzip of two members', 'R', Buffer.concat([gzipSync(close(file)), gzipSync(close(evil))])],
  ['gzip in gzip', 'R', gzipSync(gzipSync(close(file)))],
  ['gzip bomb', 'R', gzipSync(Buffer.alloc(16 * 2 ** 20))],
];

/** All of them. */
export const rows: readonly Row[] = [...names, ...entries, ...fields, ...ends].map(([row, verdict, bytes, asked = name]) => [
  row,
  verdict,
  bytes,
  asked,
]);
