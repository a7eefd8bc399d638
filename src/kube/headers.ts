/** Values of HTTP headers that somebody typed. */
import { KprofError } from '../errors.ts';

/** The value as Node takes it: UTF-8 as bytes, as kubectl sends it. Throws where no header can have it; what it was is not repeated, it may be a secret. */
export function headerText(name: string, value: string): string {
  // A line break would begin a header of its own; https://www.rfc-editor.org/rfc/rfc9110#section-5.5
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(value))
    throw new KprofError('usage', `What ${name} holds cannot be sent: there are control characters in it, such as a line break`, {
      hint: 'was it pasted or read with more than one line?',
    });
  return Buffer.from(value, 'utf8').toString('latin1');
}

/** The end of a header's name, encoded as client-go does: all but the characters of a token. */
export const headerKey = (key: string): string =>
  encodeURIComponent(key.toLowerCase()).replace(/[()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
