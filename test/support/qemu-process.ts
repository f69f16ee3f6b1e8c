import { readFile, readdir } from 'node:fs/promises'

/** The process of a guest that another program started, by its name (`-name guest=NAME`). */
export async function qemuProcess(guest: string): Promise<number> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const words = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
    if (words.includes(`\0guest=${guest},`)) return Number(pid)
  }
  throw new Error(`No QEMU runs a guest ${guest}`)
}
