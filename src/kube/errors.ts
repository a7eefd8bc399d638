/** What the API server says, in words for the person at the terminal. */
import { type Failure, KprofError } from '../errors.ts';
import { admission, type Explanation } from './admission.ts';
import { rbac } from './rbac-hint.ts';

/** The `Status` object that the API server answers with. */
export interface Status {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  };
}

/** What was asked, as the error names it. */
export interface Asked {
  readonly server: URL;
  /** A phrase that fits after «cannot»: `read pod shop/api`. */
  readonly doing: string;
  /** Where the right to it would be given. */
  readonly namespace?: string | undefined;
}

/** A response that is no success. */
export interface Refusal {
  readonly code: number;
  readonly body: string;
  /** Of the header, in seconds. */
  readonly retryAfter?: number | undefined;
}

/** A KprofError that the API server gave the reason for; `code` is the HTTP status, 0 when there was no answer. */
export class ApiError extends KprofError {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: Status['details'] | undefined;
  /** Seconds, as the server asks for. */
  readonly retryAfter: number | undefined;

  constructor(
    failure: Failure,
    message: string,
    more: { hint?: string | undefined; cause?: unknown; code: number; status?: Status | undefined; retryAfter?: number | undefined },
  ) {
    // No answer, or one of a server that can't just now.
    super(failure, message, { ...more, lost: failure === 'failed' && (more.code === 0 || more.code === 429 || more.code >= 500) });
    this.name = 'ApiError';
    this.code = more.code;
    this.reason = more.status?.reason;
    this.details = more.status?.details;
    this.retryAfter = more.retryAfter ?? more.status?.details?.retryAfterSeconds;
  }
}

/** Whether the error says that the object does not exist; a 404 by a proxy, or for a path that nobody knows, does not. */
export const isMissing = (error: unknown): boolean => error instanceof ApiError && error.code === 404 && error.failure === 'gone';

/** The Status in a body, or undefined when it is something else: a proxy's page, plain text. */
export function parseStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && (parsed as { kind?: unknown }).kind === 'Status'
      ? (parsed as Status)
      : undefined;
  } catch {
    // Not JSON: the caller shows it as it is.
    return undefined;
  }
}

/** The first words of a body that is no Status; of an HTML page its title. */
export function excerpt(body: string): string {
  if (!/^\s*(<!doctype|<html)/i.test(body)) return body.trim().slice(0, 300);
  const title = /<title[^>]*>([^<]*)/i.exec(body)?.[1]?.trim();
  return title === undefined || title === ''
    ? 'an HTML page, not an answer of Kubernetes'
    : `an HTML page «${title}», not an answer of Kubernetes`;
}

/** The error for a response. */
export function refused(asked: Asked, refusal: Refusal): ApiError {
  const status = parseStatus(refusal.body);
  const said = status?.message ?? excerpt(refusal.body);
  const { failure, message, cause, hint } = explain(asked, refusal.code, said, status);
  return new ApiError(failure, message, { hint, cause, code: refusal.code, status, retryAfter: refusal.retryAfter });
}

function explain(asked: Asked, code: number, said: string, status: Status | undefined): Explanation {
  const cause = said === '' ? undefined : said;
  const { host } = asked.server;
  if (code === 401)
    return {
      failure: 'forbidden',
      message: `${host} does not accept your credentials`,
      cause,
      hint: 'log in again, then check with: kubectl auth whoami',
    };
  const denied = admission(asked.doing, said);
  if (denied !== undefined) return denied;
  if (code === 403) return rbac(asked, said);
  if (code === 404) return notFound(asked, said, status);
  if (isOtherObject(code, said))
    return { failure: 'gone', message: `Cannot ${asked.doing}: it was replaced by another of the same name`, cause };
  if (code === 409)
    return { failure: 'failed', message: `Cannot ${asked.doing}: it was changed at the same time`, cause, hint: 'try again' };
  if (code === 422 || code === 400) return { failure: 'failed', message: `The API server refuses to ${asked.doing}`, cause };
  if (code === 429) return { failure: 'failed', message: `${host} has too many requests to answer`, cause, hint: 'try again in a minute' };
  if (code >= 500) return { failure: 'failed', message: `${host} cannot ${asked.doing} now: it answered ${code}`, cause };
  return {
    failure: 'failed',
    message: `${host} answered ${code} when asked to ${asked.doing}`,
    cause,
    hint: code >= 300 && code < 400 ? 'is this the address of a Kubernetes API server?' : undefined,
  };
}

// Who gives the uid of what is meant is told so when another object has the name by now.
const isOtherObject = (code: number, said: string): boolean =>
  (code === 409 && /precondition failed: uid/i.test(said)) || (code === 422 && /metadata\.uid: Invalid value/.test(said));

// A missing object names itself in the details; a path that the server doesn't know has no name there.
function notFound({ server, doing }: Asked, said: string, status: Status | undefined): Explanation {
  if (status?.details?.name !== undefined && status.details.name !== '')
    return { failure: 'gone', message: `Cannot ${doing}: it does not exist`, cause: said };
  if (status === undefined)
    return {
      failure: 'failed',
      message: `${server.host} does not know what it takes to ${doing}`,
      cause: said,
      hint: 'is this the address of a Kubernetes API server, with its path?',
    };
  return {
    failure: 'unsupported',
    message: `This cluster does not have what it takes to ${doing}`,
    cause: said,
    hint: 'kprof needs Kubernetes 1.25 or later',
  };
}
