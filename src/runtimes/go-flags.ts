/** Flags about the pprof endpoint of a Go program. */
import { KprofError } from '../errors.ts';
import { type Flag, type Reading, text } from '../flags.ts';

/** How the endpoint is spoken to. */
export const scheme: Flag<'http' | 'https' | undefined> = {
  ...text('http|https', 'How to speak to it; else http, and https (no certificate is checked) where that is spoken'),
  parse(typed, { flag }) {
    if (typed === 'http' || typed === 'https') return typed;
    throw new KprofError('usage', `${flag} "${typed}" is none of http, https`);
  },
};

/** Error messages name the flag alone: what it holds may be a secret. */
export const header: Flag<readonly (readonly [string, string])[]> = {
  value: 'LINE|@FILE',
  description: "Header to send, as 'Name: value', or a file with such lines; may be repeated",
  several: true,
  parse(typed, { flag, read }: Reading) {
    const lines = typed.startsWith('@')
      ? Buffer.from(read(typed.slice(1)))
          .toString('utf8')
          .split(/\r?\n/)
      : [typed];
    return lines
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e]*?)[ \t]*$/.exec(line) ?? [];
        if (name === undefined || value === undefined)
          throw new KprofError('usage', `${flag} holds what is no header`, { hint: `write it as ${flag} 'Name: value'` });
        return [name, value] as const;
      });
  },
};

/** Where it listens. */
export const port: Flag<number | undefined> = {
  ...text('PORT', 'Port in the pod; else it is found'),
  parse(typed, { flag }) {
    if (/^\d{1,5}$/.test(typed) && Number(typed) >= 1 && Number(typed) <= 65_535) return Number(typed);
    throw new KprofError('usage', `${flag} "${typed}" is no port: 1 to 65535`);
  },
};

/** Where its index page is. */
export const path: Flag<string | undefined> = {
  ...text('PATH', 'Path of its index page; else /debug/pprof/'),
  parse(typed, { flag }) {
    if (/^(?!(.*\/)?\.{1,2}(\/|$))[\w./~%@:+=,-]+$/.test(typed)) return typed;
    throw new KprofError('usage', `${flag} "${typed}" is no path`, { hint: `${flag} /internal/debug/pprof/` });
  },
};
