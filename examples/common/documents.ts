// For demos: the client document of https://demo-client.example/client.json is read from a server on this machine. Nobody else's is.
import type { Fetch } from 'tollgate'

const name = 'https://demo-client.example'

/** The option `clientDocuments`, where the environment asks for it and this server is on this machine itself. */
export function documents(settings: { PUBLIC_URL: string; TOLLGATE_CLIENT_DOCUMENTS?: string | undefined }): {
  clientDocuments?: { fetch: Fetch }
} {
  const { PUBLIC_URL, TOLLGATE_CLIENT_DOCUMENTS: local = '' } = settings
  const loopback = ['127.0.0.1', '[::1]', 'localhost']
  if (local === '' || !loopback.includes(new URL(PUBLIC_URL).hostname)) return {}
  return {
    clientDocuments: {
      fetch(input, init) {
        const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input)
        return fetch(origin === name ? new URL(pathname + search, local) : input, init)
      },
    },
  }
}
