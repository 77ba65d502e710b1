import { OAuthError } from '../../errors.ts'
import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { Lru } from '../../lib/lru.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import {
  defaultGrantTypes,
  type ClientMetadata,
  type TokenEndpointAuthMethod,
} from '../../protocol/client-metadata.ts'
import { clientOf, type ClientSource } from './directory.ts'
import type { Client } from '../context.ts'
import { sealContext } from '../seal-context.ts'

/** Registration that stores nothing: the client id is what was registered, sealed (RFC 7591 appendix A.5.2). It has no expiry. */
export interface StatelessClients {
  /** A new id for this metadata, and the secret of a confidential client. Rejects with `invalid_client_metadata` where it does not fit. */
  register(metadata: ClientMetadata): Promise<{ client: ClientMetadata; secret: string | undefined }>
  readonly find: ClientSource
}

/** So that it cannot be taken for the URL of a metadata document, and scanners for leaked credentials can tell what it is. */
const prefix = 'tgc_'
const maxLength = 1024

/** Short names: each character counts. */
interface Sealed {
  r: readonly string[]
  n?: string
  m?: Exclude<TokenEndpointAuthMethod, 'none'>
  g?: readonly string[]
  t?: 'web' | 'native'
  u?: string
}

const codec = sealedCodec(
  'client-id',
  recordCodec<Sealed>('client id', {
    r: 'strings',
    n: 'string?',
    m: 'string?',
    g: 'strings?',
    t: 'string?',
    u: 'string?',
  }),
)

export function createStatelessClients(sealer: MacSealer, issuer: string): StatelessClients {
  const context = sealContext(issuer, 'client')
  // What an id says never changes.
  const opened = new Lru<Client>(1000)

  const sealed = async (metadata: ClientMetadata): Promise<string> =>
    prefix + (await codec.seal(sealer, context, pack(metadata)))

  return {
    async register(metadata) {
      let client = metadata
      let id = await sealed(client)
      if (id.length > maxLength && client.client_uri !== undefined) {
        // Only shown, so it is the first to go; the answer says so by not naming it.
        const { client_uri: _, ...rest } = client
        client = rest
        id = await sealed(client)
      }
      if (id.length > maxLength)
        throw new OAuthError(
          'invalid_client_metadata',
          'The redirect URIs and the name are too long together',
        )
      const secret =
        metadata.token_endpoint_auth_method === 'none'
          ? undefined
          : await sealer.mac('client-id', secretText(id))
      return { client: { ...unpack(pack(client)), client_id: id }, secret }
    },

    async find(id) {
      if (!id.startsWith(prefix) || id.length > maxLength) return undefined
      const known = opened.get(id)
      if (known !== undefined) return known
      const sealed = await codec.open(sealer, context, id.slice(prefix.length))
      if (sealed === undefined) return undefined
      const metadata = unpack(sealed)
      const client: Client = {
        ...clientOf(id, 'registered', metadata, await sha256(id, 'client')),
        checkSecret: async (given) => {
          const expected = await sealer.macs('client-id', secretText(id))
          return expected.map((each) => constantTimeEqual(given, each)).includes(true)
        },
      }
      opened.set(id, client)
      return client
    },
  }
}

const secretText = (id: string): string => `secret\n${id}`

function pack(metadata: ClientMetadata): Sealed {
  const {
    client_name: n,
    token_endpoint_auth_method: m,
    grant_types: g,
    application_type: t,
    client_uri: u,
  } = metadata
  const standard = g === undefined || g.length === defaultGrantTypes.length
  return {
    r: metadata.redirect_uris,
    ...(n === undefined ? {} : { n }),
    ...(m === undefined || m === 'none' ? {} : { m }),
    ...(standard ? {} : { g }),
    ...(t === undefined ? {} : { t }),
    ...(u === undefined ? {} : { u }),
  }
}

function unpack({ r, n, m, g, t, u }: Sealed): ClientMetadata {
  return {
    ...(n === undefined ? {} : { client_name: n }),
    ...(u === undefined ? {} : { client_uri: u }),
    redirect_uris: r,
    token_endpoint_auth_method: m ?? 'none',
    grant_types: g ?? defaultGrantTypes,
    response_types: ['code'],
    ...(t === undefined ? {} : { application_type: t }),
  }
}
