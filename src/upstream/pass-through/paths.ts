/** Pathname of an endpoint, below the issuer's own. */
export const endpointPath = (issuer: string, name: 'authorize' | 'token' | 'register'): string =>
  `${new URL(issuer).pathname.replace(/\/$/, '')}/${name}`
