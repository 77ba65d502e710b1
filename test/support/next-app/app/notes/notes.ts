// A notes server for real clients: the wiring comes when the application starts.
import { createResourceServer } from '../../../../../src/index.ts'
import { serverOf, type Wiring } from '../../../provider-wiring.ts'

const { NOTES_WIRING } = process.env
const wiring: Wiring = NOTES_WIRING
  ? JSON.parse(NOTES_WIRING)
  : { url: 'http://127.0.0.1:3000', issuer: 'http://127.0.0.1:4000', kind: 'jwt' }

export const rs = createResourceServer({
  resource: `${wiring.url}/notes`,
  authorizationServers: [serverOf(wiring)],
  scopesSupported: ['notes:read', 'notes:write'],
})
