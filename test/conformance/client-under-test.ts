// The client that the official suite drives: a minimal MCP client on `client.fetch`. Takes the server's URL as its last argument.
import {
  createClient,
  clientCredentials,
  enterpriseManaged,
  workloadIdentity,
} from '../../src/client/index.ts'
import type { ClientOptions, Redirect } from '../../src/client/index.ts'

const server = process.argv.at(-1)!
const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? ''
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Record<string, string>
const version = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] ?? '2025-11-25'
const stateless = version >= '2026'

let sessionHeader: Record<string, string> = {}
const stateMeta = {
  'io.modelcontextprotocol/clientInfo': { name: 'tollgate', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** The suite's page answers with the redirect at once: no person is needed. */
const redirect: Redirect = {
  listen: async (_, { segment }) => ({
    uri: `http://127.0.0.1:3999/callback${segment === undefined ? '' : `/${segment}`}`,
    close: () => undefined,
  }),
  open: async (url) => {
    const response = await fetch(url, { redirect: 'manual' })
    return response.headers.get('location') ?? undefined
  },
}

const client = createClient({
  redirect,
  clientName: 'Tollgate conformance client',
  ...(process.env['CONFORMANCE_REGISTERS'] === '1'
    ? {}
    : { clientMetadataUrl: 'https://conformance-test.local/client-metadata.json' }),
  allowDefaultEndpoints: true,
  ...(await credentials()),
})

if (!stateless) {
  await call('initialize', {
    protocolVersion: version,
    capabilities: {},
    clientInfo: { name: 'tollgate', version: '1' },
  })
  await send({ jsonrpc: '2.0', method: 'notifications/initialized' })
}
await call('tools/list', {})
await call('tools/call', { name: 'test-tool', arguments: {} })

/** What a host would have been configured with. */
async function credentials(): Promise<Partial<ClientOptions>> {
  const { client_id: clientId = '', client_secret: clientSecret } = context
  if (clientId === '') return {}
  const issuer = context['issuer'] ?? (await issuerOf(server))
  const secret = clientSecret === undefined ? {} : { clientSecret }
  const clients = [{ issuer, clientId, servers: [server], ...secret }]
  switch (scenario) {
    case 'auth/client-credentials-jwt':
      return {
        clients: [
          { issuer, clientId, servers: [server], privateKey: await importKey(context['private_key_pem']!) },
        ],
        grant: clientCredentials(),
      }
    case 'auth/client-credentials-basic':
      return { clients, grant: clientCredentials() }
    case 'auth/enterprise-managed-authorization':
      return {
        clients,
        grant: enterpriseManaged({
          tokenEndpoint: context['idp_token_endpoint']!,
          clientId: context['idp_client_id']!,
          idToken: () => context['idp_id_token']!,
        }),
      }
    case 'auth/wif-jwt-bearer':
      return { clients, grant: workloadIdentity({ assertion: () => context['valid_jwt']! }) }
    default:
      return { clients }
  }
}

/** Credentials belong to an issuer. The suite hands out some without saying whose they are, so its word is looked up. */
async function issuerOf(url: string): Promise<string> {
  const { origin, pathname } = new URL(url)
  const response = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`)
  const { authorization_servers } = (await response.json()) as { authorization_servers: string[] }
  return authorization_servers[0]!
}

function importKey(pem: string): Promise<CryptoKey> {
  const der = Uint8Array.from(atob(pem.replaceAll(/-----[^-]+-----|\s/g, '')), (char) => char.charCodeAt(0))
  return crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
}

async function call(method: string, params: Record<string, unknown>): Promise<void> {
  const meta = { 'io.modelcontextprotocol/protocolVersion': version, ...stateMeta }
  await send({
    jsonrpc: '2.0',
    id: crypto.randomUUID(),
    method,
    params: stateless ? { ...params, _meta: meta } : params,
  })
}

async function send(message: { method: string; [member: string]: unknown }): Promise<void> {
  const params = message['params'] as { name?: string } | undefined
  const response = await client.fetch(server, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      ...(stateless ? { 'mcp-method': message.method } : {}),
      ...(stateless && params?.name ? { 'mcp-name': params.name } : {}),
      ...sessionHeader,
    },
    body: JSON.stringify(message),
  })
  const session = response.headers.get('mcp-session-id')
  if (session !== null) sessionHeader = { 'mcp-session-id': session }
  const text = await response.text()
  if (!response.ok) throw new Error(`${message.method}: ${response.status} ${text.slice(0, 300)}`)
}
