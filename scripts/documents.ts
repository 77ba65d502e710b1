// The demo's client, as its metadata document describes it (draft-ietf-oauth-client-id-metadata-document).
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A name that cannot be owned (RFC 2606): the notes server reads it from TOLLGATE_CLIENT_DOCUMENTS. */
export const demoClientId = 'https://demo-client.example/client.json'

export const demoClient = {
  client_id: demoClientId,
  client_name: 'Tollgate demo',
  redirect_uris: ['http://127.0.0.1:4567/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
}

/** Serves it on a free port of this machine. */
export async function startDocuments(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const found = request.url === new URL(demoClientId).pathname
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(found ? JSON.stringify(demoClient) : '{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
