// Upstream tokens in a store that two server objects share, and a provider that rotates its refresh tokens.
import { OAuthError } from '../../src/errors.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { expiring } from '../../src/store/contract.ts'
import { update } from '../../src/store/update.ts'
import { freshToken } from '../../src/upstream/vault.ts'
import type {
  SignInRuntime,
  TollgateEvent,
  UpstreamToken,
  UpstreamTokens,
  VaultEntry,
  VaultRecord,
} from '../../src/types.ts'
import { recording } from '../support/as.ts'

/** Seconds that an access token of the provider lasts. */
export const lifetime = 3600

/** A provider that accepts each refresh token once. */
export class Provider {
  /** The refresh tokens that it was shown. */
  readonly asked: (string | undefined)[] = []
  readonly discarded: string[] = []
  /** Runs before it answers; may throw. */
  before: (call: number) => unknown = () => undefined
  /** Runs after it has rotated; may wait for ever. */
  after: (call: number) => unknown = () => undefined
  #generation = 0
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  get issued(): UpstreamTokens {
    const accessToken = `access-${this.#generation}`
    const refreshToken = `refresh-${this.#generation}`
    return { accessToken, refreshToken, expiresAt: this.#clock() + lifetime }
  }

  readonly renew = async ({ refreshToken }: UpstreamTokens): Promise<UpstreamTokens> => {
    const call = this.asked.push(refreshToken)
    await this.before(call)
    if (refreshToken !== `refresh-${this.#generation}`)
      throw new OAuthError('invalid_grant', 'Token was used')
    this.#generation++
    const answer = this.issued
    await this.after(call)
    return answer
  }

  readonly discard = async ({ accessToken }: UpstreamTokens): Promise<void> => {
    this.discarded.push(accessToken)
  }
}

export class VaultWorld {
  now = 1_800_000_000
  readonly clock = (): number => this.now
  readonly events: Omit<TollgateEvent, 'at'>[] = []
  readonly store = recording(memoryStore(), this.clock)
  readonly provider = new Provider(this.clock)

  /** Stores these tokens; by default those that the provider has just issued. */
  async keep(more: Partial<VaultEntry> = {}): Promise<void> {
    await this.write({ ...this.provider.issued, issuer: 'https://idp.test', ...more })
  }

  async write(entry: VaultEntry): Promise<void> {
    const held = await this.store.get('g:vault')
    await this.store.put('g:vault', JSON.stringify(entry), { ifVersion: held?.version ?? null })
  }

  async entry(): Promise<VaultEntry | undefined> {
    const found = await this.store.get('g:vault')
    return found && (JSON.parse(found.value) as VaultEntry)
  }

  types(): string[] {
    return this.events.map(({ type }) => type)
  }

  /** A server of its own on the same store: what asks for a token there. */
  server(more: Partial<SignInRuntime> = {}): () => Promise<UpstreamToken> {
    const vault = this.vault(more)
    return () => freshToken(vault, this.provider.renew, this.provider.discard)
  }

  vault(more: Partial<SignInRuntime> = {}): VaultRecord {
    const { clock } = this
    const store = expiring(this.store, clock)
    return {
      runtime: {
        fetch: () => Promise.reject(new Error('not used')),
        clock,
        requestsOwnIo: false,
        event: (event) => void this.events.push(event),
        ...more,
      },
      id: 'g',
      about: { issuer: 'https://as.test', grantId: 'g', clientId: 'pub', subject: 'alice' },
      update: (judge) =>
        update(store, 'g:vault', (found, mayStand) => {
          const { write, result } = judge(found && (JSON.parse(found.value) as VaultEntry), mayStand)
          if (write === undefined) return { result }
          return { write: write && { value: JSON.stringify(write) }, result }
        }),
    }
  }
}
