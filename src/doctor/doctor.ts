import { ConfigurationError } from '../errors.ts'
import { custom, optionError, readOptions } from '../lib/options.ts'
import type { Deployment, Endpoints, Finding } from '../types.ts'
import { checkClock } from './clock.ts'
import { checkIssuer } from './metadata.ts'
import { checkOperations, type RegisteredOperations } from './operations.ts'
import { createReader } from './reader.ts'
import { checkOwnIssuer } from './own-issuer.ts'
import { checkResource } from './resource.ts'

export type { Finding } from '../types.ts'
export type { RegisteredOperations } from './operations.ts'

/** What else `deploymentFindings` looks at. */
export interface DeploymentOptions {
  /**
   * The operation rules of `protect`, and the names of what the MCP server has registered. Default: not
   * checked.
   */
  operations?: RegisteredOperations
}

/**
 * What an MCP client would stumble over on its way from the resource to a token, each finding with its fix:
 * metadata,
 * endpoints, key sets, clocks, kinds of tokens. Makes requests to the resource's own URLs and to the issuers,
 * with the
 * `fetch` of the resource server; never follows a redirect and never sends a credential. For a check at the
 * start, a
 * scheduled job or a test; no request of an MCP client waits for it.
 *
 * `rs` is what `createResourceServer()` returned. Pass the embedded authorization server as `as`, and its
 * metadata are
 * compared with what clients get at its URL.
 *
 * An unreachable server is a finding, not an exception. Rejects with ConfigurationError for a wrong
 * argument.
 *
 * @example
 * for (const { level, message, fix } of await deploymentFindings(rs))
 *   console.log(`${level}: ${message}. ${fix}`)
 */
export async function deploymentFindings(
  rs: { readonly deployment: Deployment },
  as?: Endpoints & { readonly issuer: string },
  options: DeploymentOptions = {},
): Promise<Finding[]> {
  const deployment = (rs as { deployment?: Deployment } | undefined)?.deployment
  if (deployment === undefined)
    throw new ConfigurationError('rs', 'must be what createResourceServer() returned')
  if (as !== undefined && (typeof Object(as).handle !== 'function' || typeof as.issuer !== 'string'))
    throw optionError('as', 'what createAuthorizationServer() returned, or undefined', as)
  const { operations } = readOptions('deploymentFindings', options, {
    operations: custom('{ rules: operationScopes({ … }), tools: [ … ] }', requireRules),
  })
  const { resources } = deployment
  const issuers = new Set(resources.flatMap(({ metadata }) => metadata.authorization_servers ?? []))
  const skews = new Map<string, number>()
  const readerFor = (url: string) => createReader(url, deployment, skews)
  const findings = await Promise.all([
    ...resources.map((resource) => checkResource(resource, readerFor(resource.metadataUrl))),
    ...[...issuers].map((issuer) => checkIssuer(issuer, deployment, readerFor(issuer))),
    ...(as === undefined ? [] : [checkOwnIssuer(as, readerFor(as.issuer))]),
  ])
  return [...findings.flat(), ...[...skews].flatMap(checkClock), ...checkOperations(operations)]
}

function requireRules(value: unknown, name: string): RegisteredOperations {
  if (typeof Object(Object(value).rules).unmatched === 'function') return value as RegisteredOperations
  throw optionError(name, 'an object such as { rules: operationScopes({ … }), tools: [ … ] }', value)
}
