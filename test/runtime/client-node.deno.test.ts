// The helpers of `tollgate/node` are used here, too.
import './client-node.test.ts'
