import { ConfigurationError } from '../errors.ts'
import type { ProtectNeed, ResourceServer } from '../index.ts'

/**
 * `admit` of one route. The need is checked at once, as `protect` checks it: `optional` is not among its
 * options. A later change of the object changes nothing.
 *
 * @throws ConfigurationError as {@link checkRoute}, and if the need is wrong.
 */
export function admitOf<P>(
  rs: ResourceServer<P>,
  need: ProtectNeed | undefined,
): (request: Request) => ReturnType<ResourceServer<P>['admit']> {
  checkRoute(rs, need)
  rs.protect(() => new Response(), need)
  const checked = { ...need }
  return (request) => rs.admit(request, checked)
}

/**
 * Checks that a route of several resources names its resource. The framework's router chooses the handler
 * (ignoring case, below a mount point, after a rewrite), so the request's path must not choose the resource.
 * The guard reads the host itself.
 *
 * @throws ConfigurationError if this route does not say which resource it is.
 */
export function checkRoute(
  rs: Pick<ResourceServer, 'protect' | 'resources'>,
  need: ProtectNeed | undefined,
): void {
  if (typeof rs?.protect !== 'function')
    throw new ConfigurationError('guard', 'must get what createResourceServer() returns')
  const { resources } = rs
  if (need?.resource !== undefined) return
  if (new Set(resources.map((each) => new URL(each).pathname)).size <= 1) return
  const names = resources.map((each) => JSON.stringify(each)).join(' or ')
  throw new ConfigurationError('need.resource', `must say which of several resources this route is: ${names}`)
}
