import { printable } from '../http/responses.ts'
import { isSecureOrLoopback } from '../protocol/loopback.ts'
import { authorizationServerMetadataUrls } from '../protocol/well-known.ts'
import type { DeployedResource, Deployment, Finding } from '../types.ts'
import { finding } from './finding.ts'
import { checkKeys } from './keys.ts'
import { knownIssuers } from './providers.ts'
import type { Document, Read } from './reader.ts'

/**
 * What MCP clients need of an issuer: metadata (RFC 8414, OpenID Connect Discovery), S256, registration,
 * keys.
 */
export async function checkIssuer(issuer: string, deployment: Deployment, read: Read): Promise<Finding[]> {
  const { resources } = deployment
  const preset = deployment.bareIssuers.includes(issuer) ? checkPreset(issuer) : []
  for (const url of authorizationServerMetadataUrls(issuer)) {
    const document = await read(url)
    if (typeof document === 'object')
      return [...preset, ...(await checkMetadata(issuer, url, document, resources, read))]
    if (document === 0 || document === undefined || document >= 500)
      return [
        ...preset,
        finding(
          'error',
          document === undefined ? 'metadata.invalid' : 'metadata.unreachable',
          `clients cannot read the metadata of ${issuer}, and stop there: ${answerOf(document)}`,
          document === 0
            ? 'start that server, or correct the issuer'
            : 'answer 404 if there is no document at this URL',
          url,
        ),
      ]
  }
  return [...preset, finding('error', 'metadata.missing', `${issuer} has no metadata`, inFront)]
}

const answerOf = (document: number | undefined): string =>
  document === undefined ? 'not a JSON object' : document === 0 ? 'no answer' : `status ${document}`

/** Which tokens will come, before the first one does: a provider that is known by its issuer has a preset. */
function checkPreset(issuer: string): Finding[] {
  const known = knownIssuers.find(([pattern]) => pattern.test(issuer))
  if (known === undefined) return []
  const [, preset, tokens] = known
  return [
    finding(
      'warning',
      'tokens.needs-preset',
      `the access tokens of ${preset} ${tokens}, and a bare issuer takes only JWTs of the type at+jwt for the resource (RFC 9068)`,
      `pass ${preset}({ … }) of tollgate/provider/${preset} in place of the URL`,
      issuer,
    ),
  ]
}

async function checkMetadata(
  issuer: string,
  url: string,
  document: Document,
  resources: readonly DeployedResource[],
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
  const missing = wanted.filter((scope) => !(Array.isArray(scopes) && scopes.includes(scope)))
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
    Array.isArray(scopes) && missing.length > 0,
    'warning',
    'unknown-scopes',
    `scopes_supported lacks scopes of the resource: ${missing.join(' ')}`,
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
    !has('jwks_uri') && own.some(({ signedBy }) => signedBy[issuer] === 'keys'),
    'warning',
    'no-keys',
    has('introspection_endpoint')
      ? 'jwks_uri is missing and introspection_endpoint is there: the access tokens will be opaque'
      : 'jwks_uri is missing, so no JWT can be verified',
    'use introspectionVerifier() of tollgate/introspection, or configure jwksUri',
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

const inFront = 'put tollgate/authorization-server in front'
