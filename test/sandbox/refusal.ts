/** What the API server refuses, in its own words (k8s.io/apimachinery pkg/api/errors). */

/** An answer that is no success. */
export class Refusal extends Error {
  readonly code: number;
  readonly body: object | string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: number, body: object | string, headers: Readonly<Record<string, string>> = {}) {
    super(`${code}`);
    this.code = code;
    this.body = body;
    this.headers = headers;
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** A `Status` that says Failure. */
export const failure = (code: number, message: string, details?: object, reason = reasons[code] ?? '') => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message,
  reason,
  ...(details === undefined ? {} : { details }),
  code,
});

/** A refusal that is a Status. */
export const refuse = (code: number, message: string, details?: object): Refusal => new Refusal(code, failure(code, message, details));

export const notFound = (resource: string, name: string) => refuse(404, `${resource} "${name}" not found`, { name, kind: resource });
export const noSuchResource = () => refuse(404, 'the server could not find the requested resource', {});
export const noSuchPage = () => new Refusal(404, '404 page not found\n');
export const notAllowed = () => refuse(405, 'the server does not allow this method on the requested resource', {});
export const unknownFormat = () =>
  refuse(415, 'the body of the request was in an unknown format - accepted media types include: application/json');
export const unauthorized = () => refuse(401, 'Unauthorized');
export const exists = (resource: string, name: string) => refuse(409, `${resource} "${name}" already exists`, { name, kind: resource });

export const conflict = (resource: string, name: string, why: string) =>
  refuse(409, `Operation cannot be fulfilled on ${resource} "${name}": ${why}`, { name, kind: resource });
export const modified = 'the object has been modified; please apply your changes to the latest version and try again';

export const forbidden = (resource: string, name: string | undefined, why: string) => {
  const details = name === undefined ? { kind: resource } : { name, kind: resource };
  return refuse(403, `${resource}${name === undefined ? '' : ` "${name}"`} is forbidden: ${why}`, details);
};

/** One field that is wrong (k8s.io/apimachinery pkg/util/validation/field). */
export interface Wrong {
  readonly reason: 'FieldValueRequired' | 'FieldValueDuplicate' | 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueNotFound';
  readonly message: string;
  readonly field: string;
}

export const invalid = (kind: string, name: string, wrong: readonly Wrong[], group = '') => {
  const said = wrong.map(({ field, message }) => `${field}: ${message}`);
  const full = group === '' ? kind : `${kind}.${group}`;
  return refuse(422, `${full} "${name}" is invalid: ${said.length === 1 ? said[0] : `[${said.join(', ')}]`}`, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    kind,
    causes: wrong,
  });
};
