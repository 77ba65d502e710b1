import { join } from 'node:path'

export default {
  // The sources lie above the application.
  turbopack: { root: join(import.meta.dirname, '../../..') },
  outputFileTracingRoot: join(import.meta.dirname, '../../..'),
  // The repository's own check covers these files.
  typescript: { ignoreBuildErrors: true },
}
