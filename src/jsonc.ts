/** JSON as VS Code has it, with comments and commas at the end: read, and changed in one place with all else left as it is. */

/** A value in the text; the key of a member of an object. */
interface Item {
  readonly key: string | undefined;
  readonly from: number;
  readonly to: number;
}

const isSpace = (char: string | undefined): boolean => char === ' ' || char === '\n' || char === '\r' || char === '\t';

/** Behind the string that begins there. */
function stringEnd(text: string, at: number): number {
  let end = at + 1;
  for (; end < text.length && text[end] !== '"'; end++) if (text[end] === '\\') end++;
  return Math.min(end + 1, text.length);
}

/** Behind the comment that begins there; where none does, there itself. One without an end is none. */
function commentEnd(text: string, at: number): number {
  if (text.startsWith('//', at)) {
    for (let end = at; ; end++) if (end === text.length || text[end] === '\n' || text[end] === '\r') return end;
  }
  const end = text.startsWith('/*', at) ? text.indexOf('*/', at + 2) : -1;
  return end === -1 ? at : end + 2;
}

interface Plain {
  readonly json: string;
  /** Where the commas at ends were. */
  readonly commas: readonly number[];
}

function plain(text: string): Plain {
  const bom = text.startsWith('\ufeff');
  const pieces: string[] = bom ? [' '] : [];
  const commas: number[] = [];
  /** The last character that is no blank, and the place of a comma behind a value, where it is that. */
  let last = '';
  let comma: { readonly piece: number; readonly at: number } | undefined;
  for (let at = pieces.length, end = at; at < text.length; at = end) {
    const char = text[at] as string;
    const skipped = commentEnd(text, at);
    end = skipped > at ? skipped : char === '"' ? stringEnd(text, at) : at + 1;
    if (skipped === at && !isSpace(char)) {
      if (comma !== undefined && (char === '}' || char === ']')) {
        pieces[comma.piece] = ' ';
        commas.push(comma.at);
      }
      comma = char === ',' && !['', '[', '{', ',', ':'].includes(last) ? { piece: pieces.length, at } : undefined;
      last = char;
    }
    pieces.push(skipped > at ? ' '.repeat(end - at) : text.slice(at, end));
  }
  return { json: pieces.join(''), commas };
}

/** The same as JSON, character for character: what that doesn't know is blank. */
export const asJson = (text: string): string => plain(text).json;

function skip(json: string, at: number): number {
  let next = at;
  while (isSpace(json[next])) next++;
  return next;
}

/** Behind the value that begins there. */
function valueEnd(json: string, begin: number): number {
  let depth = 0;
  for (let at = begin; at < json.length; ) {
    const char = json[at] as string;
    if (depth === 0 && at > begin && (isSpace(char) || ',]}'.includes(char))) return at;
    if (char === '"') {
      at = stringEnd(json, at);
      if (depth === 0) return at;
      continue;
    }
    if (char === '{' || char === '[') depth++;
    if (char === '}' || char === ']') depth--;
    at++;
    if (depth === 0 && (char === '}' || char === ']')) return at;
  }
  return json.length;
}

/** What the object or array that begins there has in it; of whole JSON. */
function itemsOf(json: string, begin: number): readonly Item[] {
  const items: Item[] = [];
  const isObject = json[begin] === '{';
  for (let at = skip(json, begin + 1); !'}]'.includes(json[at] as string); ) {
    const keyEnd = isObject ? stringEnd(json, at) : at;
    const from = isObject ? skip(json, skip(json, keyEnd) + 1) : at;
    const to = valueEnd(json, from);
    items.push({ key: isObject ? (JSON.parse(json.slice(at, keyEnd)) as string) : undefined, from, to });
    at = skip(json, to);
    if (json[at] === ',') at = skip(json, at + 1);
  }
  return items;
}

interface Layout {
  readonly line: string;
  readonly unit: string;
}

const layoutOf = (text: string): Layout => ({
  line: text.includes('\r\n') ? '\r\n' : '\n',
  unit: /^(\t+| +)["{[/]/m.exec(text)?.[1] ?? '  ',
});

/** Of the line of this place. */
const indentAt = (text: string, at: number): string => /(?:^|[\r\n])([\t ]*)[^\r\n]*$/.exec(text.slice(0, at))?.[1] ?? '';

/** Puts it behind the last item of the object or array that begins there. */
function append(text: string, begin: number, { line, unit }: Layout, written: (indent: string) => string): string {
  const { json, commas } = plain(text);
  const close = valueEnd(json, begin) - 1;
  const last = itemsOf(json, begin).at(-1)?.to;
  let behind = close;
  while (isSpace(text[behind - 1])) behind--;
  const isParted = last === undefined || commas.some((at) => at >= last && at < close);
  const before = isParted ? text.slice(0, behind) : `${text.slice(0, last)},${text.slice(last, behind)}`;
  const outer = indentAt(text, close);
  const after = /[\r\n]/.test(text.slice(behind, close)) ? '' : line + outer;
  return before + line + outer + unit + written(outer + unit) + after + text.slice(behind);
}

/** The text, which asJson makes an object of, with the value in its list of that name: in the place of what `isSame`, or as the last. */
export function withItem(text: string, list: string, value: unknown, isSame: (item: unknown) => boolean): string {
  const layout = layoutOf(text);
  const { line, unit } = layout;
  const written = (indent: string): string => JSON.stringify(value, null, unit).replaceAll('\n', line + indent);
  const json = asJson(text);
  const root = skip(json, 0);
  const found = itemsOf(json, root).findLast(({ key }) => key === list);
  if (found === undefined) {
    const whole = (indent: string) => `${JSON.stringify(list)}: [${line}${indent}${unit}${written(indent + unit)}${line}${indent}]`;
    return append(text, root, layout, whole);
  }
  const same = itemsOf(json, found.from).find(({ from, to }) => isSame(JSON.parse(json.slice(from, to))));
  if (same === undefined) return append(text, found.from, layout, written);
  return text.slice(0, same.from) + written(indentAt(text, same.from)) + text.slice(same.to);
}
