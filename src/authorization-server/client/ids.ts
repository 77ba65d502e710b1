/**
 * Begins the id of a client that is registered without a store. Scanners for leaked credentials can recognise
 * it.
 */
export const statelessPrefix = 'tgc_'

/** Begins the id of a stored client that registered itself. */
export const storedPrefix = 'tgs_'

/**
 * Whether the id itself says what it names: sealed metadata, or the URL of a document. No record is stored
 * for it.
 */
export const isSelfContained = (id: string): boolean =>
  id.startsWith(statelessPrefix) || id.startsWith('https://')
