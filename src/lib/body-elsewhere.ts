const bodies = new WeakMap<Request, () => unknown>()

/** For frameworks whose handler reads the body from another object: nobody else may read it. `body` tells what was found there so far. */
export function putBodyElsewhere(request: Request, body: () => unknown): void {
  bodies.set(request, body)
}

/** What tells the body of such a request; undefined for any other request. */
export const bodyElsewhere = (request: Request): (() => unknown) | undefined => bodies.get(request)
