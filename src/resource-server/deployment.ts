import { guardedFetch } from '../http/guarded-fetch.ts'
import { printable } from '../http/responses.ts'
import { parseObject } from '../lib/json.ts'
import { resolveRuntime } from '../lib/runtime.ts'
import { isLoopbackHost, isSecureOrLoopback } from '../protocol/resource.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { Finding } from '../types.ts'
import { readKeySet } from './verify/jwk.ts'
import type { Settings } from './options.ts'
import type { Resource } from './resources.ts'

type Document = Readonly<Record<string, unknown>>
/** Fetches a JSON document; a number: another status than 200, 0: no answer; undefined: 200 and no JSON object. */
type Read = (url: string) => Promise<Document | number | undefined>

/** What an MCP client would stumble over on its way from the resource to a token, each with its fix. */
export async function verifyDeployment({ resources, runtime }: Settings): Promise<Finding[]> {
  const { fetch, clock } = resolveRuntime(runtime)
  const skews = new Map<string, number>()
  const reader = (own: string): Read => {
    const { origin, hostname } = new URL(own)
    const allowOrigins = [origin, ...(runtime.dangerouslyAllowHttp ?? [])]
    const options = { fetch, allowOrigins, allowLoopback: isLoopbackHost(hostname), maxBytes: 262_144 }
    return async (url) => {
      try {
        const { status, text, headers } = await guardedFetch(url, options)
        const date = Date.parse(headers.get('date') ?? '') / 1000
        if (Number.isFinite(date)) skews.set(new URL(url).origin, Math.round(date - clock()))
        return status === 200 ? parseObject(text) : status
      } catch {
        return 0
      }
    }
  }
  const issuers = new Set(resources.flatMap(({ metadata }) => metadata.authorization_servers!))
  const findings = await Promise.all([
    ...resources.map((resource) => checkResource(resource, reader(resource.metadataUrl))),
    ...[...issuers].map((issuer) => checkIssuer(issuer, resources, reader(issuer))),
  ])
  return [...findings.flat(), ...[...skews].flatMap(checkClock)]
}

/** `Date` has whole seconds, and an answer takes its time: less than this says nothing. */
const tolerance = 10

function checkClock([origin, skew]: [string, number]): Finding[] {
  if (Math.abs(skew) <= tolerance) return []
  const side = skew > 0 ? 'ahead of' : 'behind'
  return [
    finding(
      'warning',
      'clock.skewed',
      `the clock of ${origin} is ${Math.abs(skew)} s ${side} this one; tokens count as expired, or as not valid yet, too early`,
      'let both machines keep their time by NTP',
      origin,
    ),
  ]
}

const finding = (
  level: Finding['level'],
  code: string,
  message: string,
  fix: string,
  url?: string,
): Finding => ({ level, code, message, fix, ...(url === undefined ? {} : { url }) })

async function checkResource({ resource, metadataUrl }: Resource, read: Read): Promise<Finding[]> {
  const findings: Finding[] = []
  if (/[^/]\/$/.test(new URL(resource).pathname))
    findings.push(
      finding(
        'warning',
        'resource.trailing-slash',
        `${resource} ends with a slash; clients refuse it when users leave that out`,
        'configure the resource without it',
      ),
    )
  const document = await read(metadataUrl)
  const isRead = typeof document === 'object'
  if (!isRead || document['resource'] !== resource)
    findings.push(
      finding(
        isRead ? 'error' : 'warning',
        `resource.metadata-${isRead ? 'mismatch' : 'unreachable'}`,
        'clients do not find the metadata of the resource',
        `route ${metadataUrl} to this server; where a proxy takes a prefix off, set publicUrl`,
        metadataUrl,
      ),
    )
  return findings
}

async function checkIssuer(issuer: string, resources: readonly Resource[], read: Read): Promise<Finding[]> {
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const document = await read(url)
    if (typeof document === 'object') return checkMetadata(issuer, url, document, resources, read)
    if (document === 0 || document === undefined || document >= 500)
      return [
        finding(
          'error',
          document === undefined ? 'metadata.invalid' : 'metadata.unreachable',
          'clients cannot read the metadata of the issuer, and stop there',
          'correct the issuer, or answer 404 where there is no document',
          url,
        ),
      ]
  }
  return [finding('error', 'metadata.missing', `${issuer} has no metadata`, inFront)]
}

async function checkMetadata(
  issuer: string,
  url: string,
  document: Document,
  resources: readonly Resource[],
  read: Read,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const check = (
    wrong: boolean,
    ...[level, name, message, fix]: [Finding['level'], string, string, string]
  ) => {
    if (wrong) findings.push(finding(level, `metadata.${name}`, message, fix, url))
  }
  const lacks = (name: string, value: string): boolean => {
    const list = document[name]
    return !Array.isArray(list) || !list.includes(value)
  }
  const has = (name: string): boolean => typeof document[name] === 'string'
  const { issuer: named, scopes_supported: scopes } = document
  const own = resources.filter(({ metadata }) => metadata.authorization_servers!.includes(issuer))
  const wanted = own.flatMap(({ metadata }) => metadata.scopes_supported ?? [])
  check(
    named !== issuer,
    'error',
    'issuer-mismatch',
    `the metadata names another issuer: expected ${issuer}, got ${typeof named === 'string' ? printable(named) : 'none'}`,
    'configure the issuer letter by letter as it is written there',
  )
  check(
    Object.values(document).includes(null),
    'error',
    'null-member',
    'clients refuse members that are null',
    'leave out what has no value',
  )
  check(
    !isEndpoint(document['authorization_endpoint']) || !isEndpoint(document['token_endpoint']),
    'error',
    'no-endpoints',
    'authorization_endpoint or token_endpoint is missing or not https',
    inFront,
  )
  check(
    url.includes('openid-configuration') && !openidMembers.every((name) => document[name]),
    'error',
    'incomplete-openid',
    'clients demand more of an OpenID document',
    `add ${openidMembers.join(', ')}`,
  )
  check(
    lacks('response_types_supported', 'code'),
    'error',
    'no-code-flow',
    'response_types_supported lacks code',
    'enable the authorization code flow',
  )
  check(
    lacks('code_challenge_methods_supported', 'S256'),
    'error',
    'no-s256',
    'code_challenge_methods_supported lacks S256, so MCP clients must refuse',
    inFront,
  )
  check(
    !has('registration_endpoint') && document['client_id_metadata_document_supported'] !== true,
    'warning',
    'no-registration',
    'only clients registered by hand can sign in',
    `enable registration or client id documents, or ${inFront}`,
  )
  check(
    Array.isArray(scopes) && wanted.some((scope) => !scopes.includes(scope)),
    'warning',
    'unknown-scopes',
    'scopes_supported lacks scopes of the resource',
    'define them there, or correct scopesSupported',
  )
  check(
    document['authorization_response_iss_parameter_supported'] !== true,
    'info',
    'no-iss',
    'authorization responses have no iss (RFC 9207), so clients cannot see a mix-up',
    'enable it where the provider can',
  )
  check(
    !has('jwks_uri') &&
      own.some(({ servers }) => servers.some((each) => each.issuer === issuer && each.signing === 'keys')),
    'warning',
    'no-keys',
    'jwks_uri is missing, so no JWT can be verified',
    'configure jwksUri, or use tollgate/introspection',
  )
  const { origin } = new URL(issuer)
  check(
    own.some(({ resource }) => new URL(resource).origin === origin) &&
      typeof (await read(`${origin}/.well-known/oauth-authorization-server`)) !== 'object',
    'info',
    'not-at-root',
    'clients of MCP 2025-03-26 look for it at the root of the host',
    'give the issuer no path',
  )
  return [...findings, ...(await checkKeys(document['jwks_uri'], read))]
}

/** The official SDK's clients refuse the document without them. */
const openidMembers = ['jwks_uri', 'subject_types_supported', 'id_token_signing_alg_values_supported']

const isEndpoint = (url: unknown): boolean =>
  typeof url === 'string' && URL.canParse(url) && isSecureOrLoopback(new URL(url))

async function checkKeys(uri: unknown, read: Read): Promise<Finding[]> {
  if (typeof uri !== 'string') return []
  const keys = readKeySet(await read(uri))
  if (keys !== undefined && keys.length > 0) return []
  return [
    finding(
      'error',
      keys === undefined ? 'keys.unreachable' : 'keys.unusable',
      'no JWT can be verified with the key set',
      'configure jwksUri, or use tollgate/introspection',
      uri,
    ),
  ]
}

const inFront = 'put tollgate/authorization-server in front'
