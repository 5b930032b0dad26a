//! Programs that must compile, and mistakes with their errors.

#[test]
fn mistakes_are_errors_at_their_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/container/*.rs");
    cases.compile_fail("tests/ui/names/*.rs");
    cases.compile_fail("tests/ui/field/*.rs");
    cases.compile_fail("tests/ui/variant/*.rs");
    cases.compile_fail("tests/ui/syntax/*.rs");
    cases.compile_fail("tests/ui/types/*.rs");
}
