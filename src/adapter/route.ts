import { ConfigurationError } from '../errors.ts'
import type { ProtectNeed, ResourceServer } from '../index.ts'

/**
 * Several resources behind a framework's router: its router chooses the handler (in any case, below a mount point, after a rewrite), so the path
 * of the request must not choose the resource. Which host is asked for, the guard reads itself.
 *
 * @throws ConfigurationError if this route does not say which resource it is.
 */
export function checkRoute(
  rs: Pick<ResourceServer, 'protect' | 'resources'>,
  need: ProtectNeed | undefined,
): void {
  if (typeof rs?.protect !== 'function')
    throw new ConfigurationError('guard', 'pass what createResourceServer() returns')
  const { resources } = rs
  if (need?.resource !== undefined) return
  if (new Set(resources.map((each) => new URL(each).pathname)).size <= 1) return
  const names = resources.map((each) => JSON.stringify(each)).join(' or ')
  throw new ConfigurationError(
    'need.resource',
    `this resource server has several resources; say which one this route is: ${names}`,
  )
}
