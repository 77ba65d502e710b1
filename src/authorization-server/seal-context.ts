/** What is authenticated and not contained in a sealed value: the issuer, and what the value is about. */
export const sealContext = (issuer: string, id: string): string => `${issuer}\n${id}`
