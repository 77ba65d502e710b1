// Who may enter: the accounts in ALLOWED_USERS.
import { setting } from './settings.ts'

/**
 * Says whether an account is in the list, by its id or by its name. A name that the provider does not say is in
 * no list, and an empty list has no account.
 */
export function readAllowed(): (id: string, name: unknown) => boolean {
  const entries = setting('ALLOWED_USERS').split(',')
  const allowed = new Set(entries.map((entry) => entry.trim()).filter((entry) => entry !== ''))
  return (id, name) => allowed.has(`id:${id}`) || (isName(name) && allowed.has(name))
}

/** A name that looks like an id could be another account's (account linking). */
const isName = (name: unknown): name is string => typeof name === 'string' && !name.startsWith('id:')
