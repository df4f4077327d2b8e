import HTTPServer
import Testing

@Suite("Date field")
struct DateFieldTests {
    @Test(
        "writes the date as HTTP has it",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_887_151, "Tue, 15 Nov 1994 08:12:31 GMT"),
            (1_709_210_096, "Thu, 29 Feb 2024 12:34:56 GMT"),
        ])
    func writesTheDateAsHTTPHasIt(second: Int64, text: String) {
        #expect(DateField.text(of: second) == text)
    }
}
