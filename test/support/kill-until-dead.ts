import { setTimeout as delay } from 'node:timers/promises'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'

/** Ends a process as a crash would, and waits until it is dead, which takes long on a busy machine. */
export async function killUntilDead(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL')
  while ((await identifyProcess(pid)) !== undefined) await delay(10)
}
