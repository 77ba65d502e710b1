/**
 * The context of a sealed value: the issuer, and what the value belongs to. It is authenticated, so that the
 * value cannot be copied to another place.
 */
export const sealContext = (issuer: string, id: string): string => `${issuer}\n${id}`
