import { OAuthError } from '../errors.ts'
import { parseObject } from '../http/discovery.ts'
import { guardedFetch, type GuardedFetchOptions } from '../http/guarded-fetch.ts'
import { resolveRuntime } from '../lib/runtime.ts'
import { isLoopbackHost } from '../protocol/resource.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { Finding } from '../types.ts'
import { readKeySet } from './jwk.ts'
import type { Settings } from './options.ts'
import type { Resource } from './resources.ts'

type Document = Readonly<Record<string, unknown>>
type Fetcher = (url: string) => ReturnType<typeof guardedFetch>

/** What an MCP client would stumble over on its way from the resource to a token, each with its fix. */
export async function verifyDeployment({ resources, runtime }: Settings): Promise<Finding[]> {
  const issuers = new Set(resources.flatMap(({ metadata }) => metadata.authorization_servers ?? []))
  const fetcher = (own: string): Fetcher => {
    const options: GuardedFetchOptions = {
      fetch: resolveRuntime(runtime).fetch,
      allowLoopback: isLoopbackHost(new URL(own).hostname),
      allowOrigins: [new URL(own).origin, ...(runtime.dangerouslyAllowHttp ?? [])],
      maxBytes: 262_144,
    }
    return (url) => guardedFetch(url, options)
  }
  const findings = await Promise.all([
    ...resources.map((resource) => checkResource(resource, fetcher(resource.metadataUrl))),
    ...[...issuers].map((issuer) => checkIssuer(issuer, scopesAt(issuer, resources), fetcher(issuer))),
  ])
  return findings.flat()
}

async function checkResource({ resource, metadataUrl }: Resource, fetch: Fetcher): Promise<Finding[]> {
  const findings: Finding[] = []
  if (/[^/]\/$/.test(new URL(resource).pathname))
    findings.push({
      level: 'warning',
      code: 'resource.trailing-slash',
      message: `The resource ${resource} ends with a slash, and clients that were given it without one refuse it.`,
      fix: 'Configure the resource exactly as users type it, without the slash.',
    })
  const answer = await attempt(() => fetch(metadataUrl))
  const document = answer instanceof Error || answer.status !== 200 ? undefined : parseObject(answer.text)
  if (document?.['resource'] === resource) return findings
  findings.push({
    level: document === undefined ? 'warning' : 'error',
    code: document === undefined ? 'resource.metadata-unreachable' : 'resource.metadata-mismatch',
    message:
      document === undefined
        ? `The resource metadata cannot be read where clients look for it (${outcome(answer)}).`
        : 'The resource metadata where clients look for it is that of another resource.',
    fix: `Route ${new URL(metadataUrl).pathname} to this server, or set publicUrl where a proxy takes a prefix off.`,
    url: metadataUrl,
  })
  return findings
}

async function checkIssuer(issuer: string, scopes: readonly string[], fetch: Fetcher): Promise<Finding[]> {
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const answer = await attempt(() => fetch(url))
    if (answer instanceof Error || answer.status >= 500)
      return [
        {
          level: 'error',
          code: 'metadata.unreachable',
          message: `The metadata of ${issuer} is out of reach (${outcome(answer)}); clients stop there.`,
          fix: 'Check that the issuer is spelled right and reachable from here, and that missing documents are answered 404.',
          url,
        },
      ]
    if (answer.status === 200) return checkMetadata(issuer, url, parseObject(answer.text), scopes, fetch)
  }
  return [
    {
      level: 'error',
      code: 'metadata.missing',
      message: `${issuer} publishes no metadata, so clients cannot find its endpoints.`,
      fix: 'Put tollgate/authorization-server in front, with this provider as its upstream sign-in.',
    },
  ]
}

async function checkMetadata(
  issuer: string,
  url: string,
  document: Document | undefined,
  scopes: readonly string[],
  fetch: Fetcher,
): Promise<Finding[]> {
  if (document === undefined)
    return [
      {
        level: 'error',
        code: 'metadata.invalid',
        message: `The metadata of ${issuer} is no JSON object, and clients look no further.`,
        fix: 'Answer 404 where there is no document, never a page with status 200.',
        url,
      },
    ]
  const found = rules
    .filter(({ wrong }) => wrong(document, { issuer, scopes }))
    .map(({ level, code, message, fix }) => ({ level, code, message, fix, url }))
  return [...found, ...(await checkKeys(document['jwks_uri'], fetch))]
}

async function checkKeys(uri: unknown, fetch: Fetcher): Promise<Finding[]> {
  if (typeof uri !== 'string') return []
  const answer = await attempt(() => fetch(uri))
  const keys =
    answer instanceof Error || answer.status !== 200 ? undefined : readKeySet(parseObject(answer.text))
  if (keys !== undefined && keys.length > 0) return []
  return [
    {
      level: 'error',
      code: keys === undefined ? 'keys.unreachable' : 'keys.unusable',
      message:
        keys === undefined
          ? `The key set is out of reach (${outcome(answer)}), so no JWT can be verified.`
          : 'The key set has no key for an asymmetric signature, so no JWT can be verified.',
      fix: 'Check jwks_uri, or verify the tokens by introspection (tollgate/introspection).',
      url: uri,
    },
  ]
}

interface Rule extends Omit<Finding, 'url'> {
  wrong: (document: Document, expected: { issuer: string; scopes: readonly string[] }) => boolean
}

const lacks = (list: unknown, value: string): boolean => !Array.isArray(list) || !list.includes(value)

/** What the official SDK's clients and the MCP specification demand of the document. */
const rules: readonly Rule[] = [
  {
    level: 'error',
    code: 'metadata.issuer-mismatch',
    message:
      'The metadata names another issuer than the configured one; clients compare them letter by letter.',
    fix: 'Configure the issuer exactly as the metadata writes it, trailing slash included.',
    wrong: ({ issuer }, expected) => issuer !== expected.issuer,
  },
  {
    level: 'error',
    code: 'metadata.null-member',
    message: 'The metadata has members that are null, and the official SDK refuses such a document.',
    fix: 'Leave members without a value out.',
    wrong: (document) => Object.values(document).includes(null),
  },
  {
    level: 'error',
    code: 'metadata.no-endpoints',
    message: 'The metadata lacks authorization_endpoint or token_endpoint, so clients cannot sign in.',
    fix: 'Use an issuer whose metadata has both, or put tollgate/authorization-server in front.',
    wrong: (document) =>
      typeof document['authorization_endpoint'] !== 'string' ||
      typeof document['token_endpoint'] !== 'string',
  },
  {
    level: 'error',
    code: 'metadata.no-code-flow',
    message: 'response_types_supported does not include "code".',
    fix: 'Enable the authorization code flow at the provider.',
    wrong: ({ response_types_supported: types }) => lacks(types, 'code'),
  },
  {
    level: 'error',
    code: 'metadata.no-s256',
    message: 'code_challenge_methods_supported does not include S256; MCP clients must refuse to go on.',
    fix: 'Enable PKCE at the provider, or put tollgate/authorization-server in front.',
    wrong: ({ code_challenge_methods_supported: methods }) => lacks(methods, 'S256'),
  },
  {
    level: 'warning',
    code: 'metadata.no-registration',
    message:
      'Neither dynamic registration nor client id documents: only clients that are registered by hand can sign in.',
    fix: 'Enable one of them at the provider, or put tollgate/authorization-server in front.',
    wrong: (document) =>
      typeof document['registration_endpoint'] !== 'string' &&
      document['client_id_metadata_document_supported'] !== true,
  },
  {
    level: 'warning',
    code: 'metadata.unknown-scopes',
    message:
      'scopes_supported of the authorization server lacks scopes of this resource, so clients may ask in vain.',
    fix: 'Define the scopes at the provider, or correct scopesSupported.',
    wrong: ({ scopes_supported: known }, { scopes }) =>
      Array.isArray(known) && scopes.some((scope) => !known.includes(scope)),
  },
  {
    level: 'info',
    code: 'metadata.no-iss',
    message:
      'Authorization responses do not carry iss (RFC 9207), so clients cannot detect a mix-up of servers.',
    fix: 'Enable the iss parameter at the provider, where it has one.',
    wrong: (document) => document['authorization_response_iss_parameter_supported'] !== true,
  },
]

function scopesAt(issuer: string, resources: readonly Resource[]): readonly string[] {
  const own = resources.filter(({ metadata }) => metadata.authorization_servers?.includes(issuer))
  return [...new Set(own.flatMap(({ metadata }) => metadata.scopes_supported ?? []))]
}

async function attempt<T>(work: () => Promise<T>): Promise<T | Error> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof OAuthError) return error
    throw error
  }
}

const outcome = (answer: { status: number } | Error): string =>
  answer instanceof Error ? answer.message : `it answers ${answer.status}`
