/**
 * The key under which a request that one of our adapters made has a function that removes its credential. The
 * adapter is the only owner of such a request, so the guard may change it in place. A registered symbol,
 * because adapter and guard may come from two bundles.
 */
export const removeCredential: unique symbol = Symbol.for('tollgate.remove-credential') as never

/**
 * The key under which an adapter for a framework tells the body, if the handler reads it from another object.
 */
export const bodyElsewhere: unique symbol = Symbol.for('tollgate.body-elsewhere') as never

/** What an adapter's request adds to `Request`. */
export interface OwnRequest extends Request {
  [removeCredential](): void
  /**
   * Returns the body that was found in the other object so far. Only the handler may read the request's own.
   */
  [bodyElsewhere]?: (() => unknown) | undefined
}

/** Whether one of our adapters made the request. */
export const isOwn = (request: Request): request is OwnRequest => removeCredential in request

/** Makes a copy of an adapter's request one, too: the guard then takes the credential off both. */
export function inheritOwner(copy: Request, original: Request): Request {
  return isOwn(original)
    ? Object.assign(copy, { [removeCredential]: () => original[removeCredential]() })
    : copy
}

/**
 * What `new Request()` and `fetch()` take in place of an adapter's request: the platform's constructor reads
 * private fields, which the light request of the Node adapter does not have. Anything else is returned as it
 * is.
 */
export const forPlatform = <T>(input: T): T | Request =>
  input instanceof Request && isOwn(input) ? new Request(input.url, input) : input
