// An adapter that makes the Request is its only owner, so the guard may take the credential off in place (G39).
// A registered symbol: adapter and guard may come from two bundles.
const own: unique symbol = Symbol.for('tollgate.own-request') as never

/** For adapters: nobody but the handler will look at this request. */
export function markOwn(request: Request): Request {
  Object.defineProperty(request, own, { value: true })
  return request
}

/** Whether the request was made by one of our adapters, with headers that can be changed. */
export const isOwn = (request: Request): boolean => own in request
