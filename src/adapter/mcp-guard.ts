import { ConfigurationError } from '../errors.ts'
import type { AdmittedRequest, ResourceServer } from '../index.ts'
import { printError } from '../lib/print-error.ts'
import type { AuthInfo, DeployedResource, Runtime } from '../types.ts'
import { internalError, toSdkError, type SdkErrors } from './mcp-errors.ts'

/** What a middleware of the official SDK, or of a package built on it, asks the guard through. */
export interface Question<P> {
  /** For `onError`. */
  readonly where: string
  /** The guard. May throw: a server that is built at the first request may have a wrong option. */
  readonly admit: (request: Request) => Promise<Response | AdmittedRequest<P>>
  readonly optional: boolean
  readonly errors: SdkErrors | undefined
  readonly onError: Runtime['onError']
}

/**
 * Asks the guard who is calling; undefined: the request carries no token, and need not. Rejects only with
 * errors that the SDK recognises as its own: mcp-handler answers 401 for all others, and a client would
 * discard a good token because of an outage.
 */
export async function askGuard<P>(
  { where, admit, optional, errors, onError = printError }: Question<P>,
  request: Request,
): Promise<AuthInfo<P> | undefined> {
  let error: Error
  try {
    const admitted = await admit(request)
    if (!(admitted instanceof Response)) return admitted.auth
    // A preflight, or the metadata: no token was read.
    if (admitted.ok && optional) return undefined
    error = await toSdkError(admitted, errors)
  } catch (thrown) {
    onError(thrown, { where, request })
    error = internalError(errors)
  }
  throw error
}

/**
 * The resource that an adapter is for.
 *
 * @throws ConfigurationError if it is not said which of several, or if `rs` is not a resource server.
 */
export function findResource<P>(
  caller: string,
  rs: ResourceServer<P>,
  resource: string | undefined,
): DeployedResource {
  requireServer(caller, rs)
  const { resources } = rs.deployment
  const found = resource === undefined ? resources : resources.filter((each) => each.resource === resource)
  if (found.length === 1) return found[0]!
  const names = resources.map((each) => JSON.stringify(each.resource)).join(' or ')
  const got = resource === undefined ? '' : `; got ${JSON.stringify(resource)}`
  throw new ConfigurationError(
    `${caller}.resource`,
    `must say which of several resources the tokens are for: ${names}${got}`,
  )
}

/** @throws ConfigurationError if `rs` is not a resource server. */
export function requireServer(caller: string, rs: unknown): void {
  if (typeof (rs as Partial<ResourceServer> | undefined)?.protect !== 'function')
    throw new ConfigurationError(caller, 'must get what createResourceServer() returns')
}
