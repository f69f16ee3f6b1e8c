import { LIBVIRT_VERSIONS, libvirtCases } from './cases.ts'
import { type InputKind, type Judgement, judge } from './judge.ts'

const INPUTS: readonly InputKind[] = ['define', 'image']

/** Judges every machine; only one of each `every` in the order of their names, only those whose names contain `only`. */
export function judgeAll({
  every = 1,
  only = '',
}: { readonly every?: number; readonly only?: string } = {}): readonly Judgement[] {
  return LIBVIRT_VERSIONS.flatMap((version) =>
    libvirtCases(version)
      .filter((_, at) => at % every === 0)
      .filter(({ name }) => name.includes(only))
      .flatMap((one) => INPUTS.flatMap((input) => judge(one, input) ?? [])),
  )
}
