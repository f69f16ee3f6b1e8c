/** The number in a disk's name: `vda` is 0, `vdz` 25, `vdaa` 26; `undefined` for any other name. */
export function diskNumber(name: string): number | undefined {
  const letters = /^(?:fd|hd|vd|sd|xvd|ubd)([a-z]{1,3})$/.exec(name)?.[1]
  if (letters === undefined) return undefined
  let number = 0
  for (const letter of letters) number = number * 26 + letter.charCodeAt(0) - 96
  return number - 1
}
