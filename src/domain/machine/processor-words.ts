import { fieldsOf } from '../../io/records/record-file.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import { StasisError } from '../../errors.ts'
import type { ProcessorWords } from '../cookie/processor-cookie.ts'

/**
 * The features of the first x86 processor of a machine, which all of them have; `undefined` for other processors (QEMU target/i386/cpu.c, `feature-words`, since 1.5;
 * without the features that the host lacks).
 * @throws QemuError QEMU_DIED and others, not for a refusal
 */
export async function processorWords(
  qmp: QmpConnection,
  signal?: AbortSignal,
): Promise<ProcessorWords | undefined> {
  try {
    const [cpu] = await qmp.execute('query-cpus-fast', {}, { signal })
    if (cpu === undefined) return undefined
    const asked = { path: cpu['qom-path'], property: 'feature-words' }
    const words = await qmp.execute('qom-get', asked, { signal })
    if (!Array.isArray(words)) return undefined
    return new Map(words.flatMap((word: unknown) => wordOf(word)))
  } catch (error) {
    if (StasisError.is(error, 'QEMU_REFUSED')) return undefined
    throw error
  }
}

/** A word without a feature says nothing. */
function wordOf(word: unknown): readonly (readonly [string, number])[] {
  const fields = fieldsOf(word) ?? {}
  const { features } = fields
  const [eax, ecx, register] = ['cpuid-input-eax', 'cpuid-input-ecx', 'cpuid-register'].map(
    (name) => fields[name],
  )
  if (!Number.isSafeInteger(eax) || !Number.isSafeInteger(features) || features === 0) return []
  if (typeof register !== 'string' || !/^E[ABCD]X$/.test(register)) return []
  const leaf = Number(eax).toString(16)
  const place = Number.isSafeInteger(ecx) ? `${leaf}.${String(ecx)}` : leaf
  return [[`${place}:${register}`, Number(features)]]
}
