import { OAuthError } from '../../errors.ts'
import { recordCodec, sealedCodec } from '../../lib/codec.ts'
import { defined } from '../../lib/defined.ts'
import { constantTimeEqual } from '../../lib/equal.ts'
import { sha256 } from '../../lib/hash.ts'
import { Lru } from '../../lib/lru.ts'
import type { MacSealer } from '../../lib/mac-sealer.ts'
import {
  defaultGrantTypes,
  type ClientMetadata,
  type TokenEndpointAuthMethod,
} from '../../protocol/client-metadata.ts'
import { createClient } from './client.ts'
import type { ClientSource } from './directory.ts'
import { statelessPrefix } from './ids.ts'
import type { Client } from '../context.ts'
import { sealContext } from '../seal-context.ts'

/**
 * Registration without a store: the client id is the sealed metadata (RFC 7591 appendix A.5.2). It does not
 * expire.
 */
export interface StatelessClients {
  /**
   * A new id for this metadata, and the secret of a confidential client. Rejects with
   * `invalid_client_metadata` if it does not fit.
   */
  register(metadata: ClientMetadata): Promise<{ client: ClientMetadata; secret: string | undefined }>
  readonly find: ClientSource
}

const maxLength = 1024

/** The names are short, because an id has at most 1024 characters. */
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
  // The metadata in an id never changes.
  const opened = new Lru<Client>(1000)

  const sealed = async (metadata: ClientMetadata): Promise<string> =>
    statelessPrefix + (await codec.seal(sealer, context, pack(metadata)))

  return {
    async register(metadata) {
      let client = metadata
      let id = await sealed(client)
      if (id.length > maxLength && client.client_uri !== undefined) {
        // It is only displayed, so it is dropped first. The answer shows that by its absence.
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
      if (!id.startsWith(statelessPrefix) || id.length > maxLength) return undefined
      const known = opened.get(id)
      if (known !== undefined) return known
      const sealed = await codec.open(sealer, context, id.slice(statelessPrefix.length))
      if (sealed === undefined) return undefined
      const metadata = unpack(sealed)
      const client: Client = {
        ...createClient(id, 'registered', metadata, await sha256(id, 'client')),
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
    ...defined({ n, m: m === 'none' ? undefined : m, g: standard ? undefined : g, t, u }),
  }
}

function unpack({ r, n, m, g, t, u }: Sealed): ClientMetadata {
  return {
    redirect_uris: r,
    token_endpoint_auth_method: m ?? 'none',
    grant_types: g ?? defaultGrantTypes,
    response_types: ['code'],
    ...defined({ client_name: n, client_uri: u, application_type: t }),
  }
}
