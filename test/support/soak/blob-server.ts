import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The host's end of a guest's network traffic: an HTTP server on the loopback address, which user networking shows to the guest as 10.0.2.2. */
export interface BlobServer extends AsyncDisposable {
  /** As the guest sees it. */
  readonly url: string
}

const BLOB_BYTES = 64 * 1024

/** Serves `/blob/N`, a content that depends on N, and answers `/sum/N/SHA256` with `right` or `wrong`. */
export async function startBlobServer(): Promise<BlobServer> {
  const server = createServer((request, response) => {
    const [, what, number = '', sum] = (request.url ?? '').split('/')
    const blob = blobOf(number)
    if (what === 'blob') response.end(blob)
    else response.end(createHash('sha256').update(blob).digest('hex') === sum ? 'right' : 'wrong')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://10.0.2.2:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function blobOf(number: string): Buffer {
  const line = createHash('sha256').update(number).digest('hex')
  return Buffer.from(line.repeat(BLOB_BYTES / line.length))
}
