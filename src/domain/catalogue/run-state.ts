import { QmpConnection } from '../../qmp/connection.ts'
import type { RunState } from '../../qmp/replies.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'

const ANSWER_MS = 5000

/** QEMU's run state of its machine; `undefined` when it does not answer. */
export async function queryRunState(
  paths: RuntimePaths,
  signal?: AbortSignal,
): Promise<RunState | undefined> {
  try {
    const options = { signal, timeoutMs: ANSWER_MS, eager: true }
    await using monitor = await QmpConnection.connect(paths.querySocket, options)
    const { status } = await monitor.execute('query-status', {}, { timeoutMs: ANSWER_MS, signal })
    return status
  } catch (error) {
    if (signal?.aborted === true) throw error
    return undefined
  }
}
