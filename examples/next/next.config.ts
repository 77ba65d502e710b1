import type { NextConfig } from 'next'

// Clickjacking: no other site shows the application's pages in a frame. Tollgate's own pages bring the same.
const headers = [{ key: 'content-security-policy', value: "frame-ancestors 'none'" }]

const config: NextConfig = {
  headers: async () => ['/', '/sign-in'].map((source) => ({ source, headers })),
  poweredByHeader: false,
}

export default config
