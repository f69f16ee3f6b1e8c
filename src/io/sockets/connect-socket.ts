import { constants } from 'node:fs'
import { lstat, open, unlink } from 'node:fs/promises'
import { type Socket, connect } from 'node:net'

/** Linux open(2); Node has no name for it. */
const O_PATH = 0o10000000

/**
 * Connects to a unix socket without following a link at its path: in a directory of another user, a link could lead to any socket that we may connect
 * to. @throws the error of Node
 */
export async function connectSocketItself(path: string): Promise<Socket> {
  await using itself = await open(path, O_PATH | constants.O_NOFOLLOW)
  const socket = connect({ path: `/proc/self/fd/${itself.fd}` })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('connect', resolve).once('error', reject)
  await promise
  socket.removeListener('error', reject)
  return socket
}

/** Removes a unix socket on which nothing listens. One that cannot be removed is left. */
export async function removeDeadSocket(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isSocket()) return
    const socket = await connectSocketItself(path)
    socket.destroy()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') return
    await unlink(path).catch(() => undefined)
  }
}
