import { faultsSuite } from '../support/faults-suite.ts'
import { postgresFaults } from '../support/store-faults.ts'

const url = process.env['POSTGRES_URL']!
faultsSuite('postgres', url, postgresFaults(url))
