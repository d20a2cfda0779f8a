/** Whether an SPDX expression can be met with licences that an MIT-licensed work may be shipped with. */
export declare function isAllowed(expression: string): boolean
