import { clusterSuite } from '../support/conformance-cluster.ts'

clusterSuite('Redis', () => ['--store', 'redis', '--store-url', process.env['REDIS_URL']!])
clusterSuite('PostgreSQL', () => ['--store', 'postgres', '--store-url', process.env['POSTGRES_URL']!])
