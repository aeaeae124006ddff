//! A streaming parser for the rows of a bill.
//!
//! A bill is UTF-8 text, optionally after a byte order mark, in lines that end with CRLF: the column names, then rows;
//! then the names of the totals, and the totals. Each cell except the names begins with a backtick. A text in a cell
//! may contain commas, so `` ,` `` separates the cells.
//!
//! WeChat Pay escapes nothing, so a text such as a product name may contain what separates lines and cells. A row with
//! too few cells goes on in the next line. A row with too many has a `` ,` `` in a cell under one of the columns of free
//! text: in the first of them with which all amounts are amounts.
//!
//! The parser buffers only the current row: at most [`MAX_LINE_BYTES`] bytes. **Trust a row only after the whole file
//! was verified.**

use super::ParseError;
use crate::{
    money::{Fen, InvalidAmount},
    prelude::*,
};
use core::fmt;

/// The maximum length of a row, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// The maximum number of lines that are joined to one row. No text of an order has more than 128 characters.
const MAX_ROW_LINES: usize = 256;

/// A parser of a bill that arrives in pieces.
///
/// ```
/// use wxpay_proto::{Fen, wire::bill::{SignedAmount, Line, Reader}};
///
/// let mut reader = Reader::new();
/// let mut paid = Vec::new();
/// for piece in ["\u{feff}商户订单号,商品名称,订单金额\r\n`A1,`米,面,`0", ".10\r\n总交易单数,订单总金额\r\n`1,`0.10\r\n"] {
///     reader.push(piece.as_bytes());
///     while let Some(line) = reader.next_line()? {
///         match line {
///             Line::Row(row) => paid.push((row.cell("商户订单号").map(String::from), row.amount("订单金额")?)),
///             Line::Summary(sum) => assert_eq!(sum.amount("订单总金额")?, Some(SignedAmount::Positive(Fen::new(10)))),
///         }
///     }
/// }
/// assert!(reader.finish()?.is_none());
/// assert_eq!(paid, [(Some("A1".into()), Some(SignedAmount::Positive(Fen::new(10))))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// The number of buffered bytes that are already parsed.
    consumed: usize,
    /// The offset of the buffer in the whole bill.
    buffer_offset: usize,
    columns: Vec<Box<str>>,
    section: Section,
    /// Lines end with CRLF, as the line of the column names does. A line feed alone is part of a text then.
    ends_with_crlf: bool,
    /// The length of the lines that the current row has so far, if its last line is not the first.
    row_length: usize,
    /// The number of these lines.
    row_lines: usize,
    /// A row or the totals were returned.
    has_content: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Header,
    Rows,
    Summary,
}

/// The kind of a line, once it is known.
enum LineKind {
    /// The line is empty, or has column names.
    NoCells,
    /// The line has the cells of a row.
    Cells(Wide),
    /// The line begins a row that has more lines.
    Continues,
}

/// A line of a bill other than column names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a bill has no third part")]
pub enum Line<'a> {
    /// A row, for example a transaction.
    Row(Row<'a>),
    /// The totals at the end.
    Summary(Row<'a>),
}

/// The cells of a line under their column names. `Debug` shows only their number, because rows contain personal data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    columns: &'a [Box<str>],
    text: &'a str,
    wide: Wide,
}

/// The cell that contains separators, by its index, and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wide {
    cell: usize,
    separators: usize,
}

/// The columns whose cells are texts of merchants.
const FREE_TEXT: [&str; 4] = ["商品名称", "商户数据包", "分账描述", "备注"];

const SEPARATOR: &str = ",`";

/// An amount that may be negative, such as a refunded fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no third sign")]
pub enum SignedAmount {
    /// Zero or more.
    Positive(Fen),
    /// Less than zero; the value is the absolute amount.
    Negative(Fen),
}

impl SignedAmount {
    /// Parses an amount in yuan as bills write it: optionally a minus, and optionally more than two decimals, which
    /// must be zeros after the second.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidAmount`] if the text has any other form.
    pub fn from_yuan(text: &str) -> Result<Self, InvalidAmount> {
        let (text, is_minus) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
        let cents = text.find('.').map_or(text.len(), |dot| dot.saturating_add(3).min(text.len()));
        let (yuan, rest) = text.split_at_checked(cents).ok_or(InvalidAmount)?;
        if rest.bytes().any(|byte| byte != b'0') {
            return Err(InvalidAmount);
        }
        let fen = Fen::from_yuan(yuan)?;
        Ok(if is_minus && fen > Fen::ZERO { Self::Negative(fen) } else { Self::Positive(fen) })
    }
}

impl<'a> Row<'a> {
    /// Returns the column names.
    pub fn columns(self) -> impl Iterator<Item = &'a str> {
        self.columns.iter().map(|name| &**name)
    }

    /// Returns the cells, as many as there are columns.
    pub fn cells(self) -> impl Iterator<Item = &'a str> {
        let mut rest = Some(self.text);
        (0_usize..).map_while(move |cell| {
            let text = rest?;
            let skipped = if cell == self.wide.cell { self.wide.separators } else { 0 };
            let end = text.match_indices(SEPARATOR).map(|(at, _)| at).nth(skipped);
            rest = end.and_then(|end| text.get(end.saturating_add(SEPARATOR.len())..));
            text.get(..end.unwrap_or(text.len()))
        })
    }

    /// Returns whether every cell under the name of an amount is one, or is empty.
    fn has_amounts_where_named(self) -> bool {
        let mut cells = self.columns().zip(self.cells()).filter(|(column, _)| column.contains("金额"));
        cells.all(|(_, cell)| cell.is_empty() || SignedAmount::from_yuan(cell).is_ok())
    }

    /// Returns the cell under this column name of WeChat's documents, such as `商户订单号`. An empty cell is an empty text.
    pub fn cell(self, name: &str) -> Option<&'a str> {
        self.columns().zip(self.cells()).find(|(column, _)| *column == name).map(|(_, cell)| cell)
    }

    /// Returns the amount under this column name, or `None` if there is no such column or the cell is empty.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidAmount`] if the cell is not an amount.
    pub fn amount(self, name: &str) -> Result<Option<SignedAmount>, InvalidAmount> {
        self.cell(name).filter(|cell| !cell.is_empty()).map(SignedAmount::from_yuan).transpose()
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({} cells)", self.columns.len())
    }
}

impl Reader {
    /// Creates a parser at the start of a bill.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the unzipped bill. Read all available [lines](Self::next_line) afterwards: pushed bytes
    /// are buffered until then.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.consumed);
        self.buffer_offset = self.buffer_offset.saturating_add(self.consumed);
        self.consumed = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next line if it is complete, or `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] if the line is not UTF-8, longer than [`MAX_LINE_BYTES`], out of place, or differs from
    /// the column names in the number of cells; or if the bytes are an error message instead of a bill. Discard the
    /// bill then: the lines after it cannot be parsed reliably.
    pub fn next_line(&mut self) -> Result<Option<Line<'_>>, ParseError> {
        while let Some(length) = self.line_end() {
            let from = self.consumed;
            let next = from.saturating_add(length).saturating_add(1);
            match self.read_line(from, length)? {
                LineKind::Cells(wide) => {
                    self.consume_to(next);
                    return Ok(self.line(from, length, wide));
                }
                LineKind::NoCells => self.consume_to(next),
                // Each line has the whole row parsed again.
                LineKind::Continues if self.row_lines == MAX_ROW_LINES => {
                    return Err(self.error(from, WRONG_CELLS));
                }
                LineKind::Continues => {
                    self.row_length = length.saturating_add(1);
                    self.row_lines = self.row_lines.saturating_add(1);
                }
            }
        }
        if self.unread().len() > MAX_LINE_BYTES {
            return Err(self.error(self.consumed, TOO_LONG));
        }
        Ok(None)
    }

    /// Returns the last line if it does not end with a line feed.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] in the cases of [`next_line`](Self::next_line), or if the bytes had neither rows nor
    /// totals: a day without either has no bill, so they are not one.
    pub fn finish(&mut self) -> Result<Option<Line<'_>>, ParseError> {
        let (from, length) = (self.consumed, self.unread().len());
        let line = self.read_line(from, length)?;
        self.consume_to(self.buffer.len());
        match line {
            LineKind::Cells(wide) => Ok(self.line(from, length, wide)),
            LineKind::Continues => Err(self.error(from, WRONG_CELLS)),
            LineKind::NoCells if self.has_content => Ok(None),
            LineKind::NoCells => Err(self.error(from, NOT_A_BILL)),
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.consumed..).unwrap_or_default()
    }

    /// Returns the length of the unread row up to its next line feed that ends a line.
    fn line_end(&self) -> Option<usize> {
        let unread = self.unread();
        let ends_line = |at: &usize| {
            unread.get(*at) == Some(&b'\n')
                && (!self.ends_with_crlf || at.checked_sub(1).and_then(|at| unread.get(at)) == Some(&b'\r'))
        };
        (self.row_length..unread.len()).find(ends_line)
    }

    fn consume_to(&mut self, consumed: usize) {
        self.consumed = consumed;
        self.row_length = 0;
        self.row_lines = 0;
    }

    /// Parses a line, or the lines of one row, up to the cells. Stores column names.
    fn read_line(&mut self, from: usize, length: usize) -> Result<LineKind, ParseError> {
        if length > MAX_LINE_BYTES {
            return Err(self.error(from, TOO_LONG));
        }
        let text = self.text(from, length).ok_or_else(|| self.error(from, "line is not UTF-8"))?;
        if text.is_empty() {
            return Ok(LineKind::NoCells);
        }
        if let Some(cells) = text.strip_prefix('`') {
            return match self.section {
                Section::Header => Err(self.error(from, "row before the column names")),
                Section::Rows | Section::Summary => {
                    self.read_row(cells).ok_or_else(|| self.error(from, WRONG_CELLS))
                }
            };
        }
        let is_message = text.trim_start().starts_with(['{', '[', '<']);
        let columns = text.split(',').map(Box::from).collect();
        self.section = match self.section {
            Section::Header if is_message => return Err(self.error(from, NOT_A_BILL)),
            Section::Header => {
                let last = length.checked_sub(1).and_then(|last| from.checked_add(last));
                self.ends_with_crlf = last.and_then(|last| self.buffer.get(last)) == Some(&b'\r');
                Section::Rows
            }
            Section::Rows => Section::Summary,
            Section::Summary => return Err(self.error(from, "column names after the totals")),
        };
        self.columns = columns;
        Ok(LineKind::NoCells)
    }

    /// Matches the cells of a row with the columns. Returns `None` if they do not fit.
    fn read_row(&self, cells: &str) -> Option<LineKind> {
        // A line that begins with a backtick is a row of its own, and must not vanish in the row before it.
        if cells.contains(if self.ends_with_crlf { "\r\n`" } else { "\n`" }) {
            return None;
        }
        let count = cells.split(SEPARATOR).count();
        let Some(separators) = count.checked_sub(self.columns.len()) else {
            return Some(LineKind::Continues);
        };
        if separators == 0 {
            return Some(LineKind::Cells(Wide::default()));
        }
        let candidates = self.columns.iter().enumerate().filter(|(_, name)| FREE_TEXT.contains(&&***name));
        let mut wide = candidates.map(|(cell, _)| Wide { cell, separators });
        wide.find(|wide| Row { columns: &self.columns, text: cells, wide: *wide }.has_amounts_where_named())
            .map(LineKind::Cells)
    }

    fn line(&mut self, from: usize, length: usize, wide: Wide) -> Option<Line<'_>> {
        self.has_content = true;
        let row = Row { columns: &self.columns, text: self.text(from, length)?.strip_prefix('`')?, wide };
        Some(if self.section == Section::Summary { Line::Summary(row) } else { Line::Row(row) })
    }

    /// Returns the text of a line, without line end and without the byte order mark of the file.
    fn text(&self, from: usize, length: usize) -> Option<&str> {
        let bytes = self.buffer.get(from..from.checked_add(length)?)?;
        let text = core::str::from_utf8(bytes.strip_suffix(b"\r").unwrap_or(bytes)).ok()?;
        let is_first = self.section == Section::Header;
        Some(text.strip_prefix('\u{feff}').filter(|_| is_first).unwrap_or(text))
    }

    fn error(&self, at: usize, problem: &'static str) -> ParseError {
        ParseError::new(self.buffer_offset.saturating_add(at), problem)
    }
}

const TOO_LONG: &str = "line is too long";
const WRONG_CELLS: &str = "row with more or fewer cells than columns";
const NOT_A_BILL: &str = "neither rows nor totals: an error message instead of a bill";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BILL: &str = "\u{feff}交易时间,商户订单号,商品名称,手续费\r\n\
        `2018-06-08 10:34:56,`A-1,`大米,10kg,`-0.01\r\n\
        `2018-06-08 10:34:57,`A-2,`,`0.00000\r\n\
        总交易单数,手续费总金额\r\n\
        `2,`-0.01\r\n";

    /// Returns every line: whether it is a summary, and its cells.
    fn read(bill: &[u8], piece: usize) -> Result<Vec<(bool, Vec<String>)>, ParseError> {
        let mut reader = Reader::new();
        let mut lines = Vec::new();
        let mut record = |line: Line<'_>| {
            let (is_summary, row) = match line {
                Line::Row(row) => (false, row),
                Line::Summary(row) => (true, row),
            };
            lines.push((is_summary, row.cells().map(String::from).collect()));
        };
        for piece in bill.chunks(piece) {
            reader.push(piece);
            while let Some(line) = reader.next_line()? {
                record(line);
            }
        }
        if let Some(line) = reader.finish()? {
            record(line);
        }
        Ok(lines)
    }

    #[test]
    fn bill_parses_the_same_in_pieces_of_any_size() {
        let expected = vec![
            (false, vec!["2018-06-08 10:34:56".into(), "A-1".into(), "大米,10kg".into(), "-0.01".into()]),
            (false, vec!["2018-06-08 10:34:57".into(), "A-2".into(), String::new(), "0.00000".into()]),
            (true, vec!["2".into(), "-0.01".into()]),
        ];
        for piece in 1..=BILL.len() {
            assert_eq!(read(BILL.as_bytes(), piece).unwrap(), expected, "pieces of {piece}");
        }
        let unterminated = BILL.trim_end().replace("\r\n", "\n").replace('\u{feff}', "");
        assert_eq!(read(unterminated.as_bytes(), 7).unwrap(), expected);
    }

    #[test]
    fn bill_cells_are_found_by_column_name() {
        let mut reader = Reader::new();
        reader.push(BILL.as_bytes());
        let Some(Line::Row(row)) = reader.next_line().unwrap() else { panic!("expected a row") };
        assert_eq!(row.cell("商品名称"), Some("大米,10kg"));
        assert_eq!(row.cell("退款金额"), None);
        assert_eq!(row.amount("手续费"), Ok(Some(SignedAmount::Negative(Fen::new(1)))));
        assert_eq!(row.amount("退款金额"), Ok(None));
        assert_eq!(row.amount("商户订单号"), Err(InvalidAmount));
        assert_eq!(format!("{row:?}"), "Row(4 cells)");
        let Some(Line::Row(row)) = reader.next_line().unwrap() else { panic!("expected a row") };
        assert_eq!((row.cell("商品名称"), row.amount("商品名称")), (Some(""), Ok(None)));
    }

    #[test]
    fn signed_amount_parses_whole_fen_only() {
        for (text, amount) in [
            ("0", SignedAmount::Positive(Fen::ZERO)),
            ("-0.00", SignedAmount::Positive(Fen::ZERO)),
            ("12.3", SignedAmount::Positive(Fen::new(1230))),
            ("12.34000", SignedAmount::Positive(Fen::new(1234))),
            ("-12.34", SignedAmount::Negative(Fen::new(1234))),
        ] {
            assert_eq!(SignedAmount::from_yuan(text), Ok(amount), "{text}");
        }
        for text in ["", "-", "--1", "+1", "1.", "0.001", "0.00100", "1.00.00", "1元", "0.60%", "元.00元"]
        {
            assert_eq!(SignedAmount::from_yuan(text), Err(InvalidAmount), "{text}");
        }
    }

    #[test]
    fn malformed_bill_is_rejected_at_the_offset_of_the_problem() {
        for (bill, at, problem) in [
            ("`1\r\n".as_bytes(), 0, "row before the column names"),
            (b"a,b\n`1\n", 4, "row with more or fewer cells than columns"),
            (b"a,b\n`1,`2,`3\n", 4, "row with more or fewer cells than columns"),
            (b"a\nb\nc\n", 4, "column names after the totals"),
            (b"a\n\xff\n", 2, "line is not UTF-8"),
        ] {
            for piece in [1, bill.len()] {
                assert_eq!(read(bill, piece), Err(ParseError::new(at, problem)));
            }
        }
        let long = format!("a\n`{}", "x".repeat(MAX_LINE_BYTES));
        assert_eq!(read(long.as_bytes(), 4096), Err(ParseError::new(2, TOO_LONG)));
        // A line without an end must not be buffered until the end of the file.
        let mut reader = Reader::new();
        reader.push(long.as_bytes());
        assert_eq!(reader.next_line().unwrap_err(), ParseError::new(2, TOO_LONG));
    }

    #[test]
    fn an_error_message_is_not_an_empty_bill() {
        for text in [
            r#"{"code":"INVALID_REQUEST"}"#,
            " [1]",
            "<xml><return_code>FAIL</return_code></xml>",
            "<html>\r\n<body>\r\n</body>\r\n</html>\r\n",
            "No Bill Exist",
            "交易时间,商户订单号\r\n",
            "",
        ] {
            for piece in [1, 100] {
                assert_eq!(read(text.as_bytes(), piece).unwrap_err().problem, NOT_A_BILL, "{text}");
            }
        }
        assert_eq!(read("a,b\r\nc\r\n`0\r\n".as_bytes(), 5).unwrap(), [(true, vec!["0".into()])]);
    }

    #[test]
    fn a_text_may_contain_what_separates_lines_and_cells() {
        let columns = "商户订单号,商品名称,商户数据包,订单金额";
        for (cells, [name, attach]) in [
            ("A-1,`大\n米,`x,`0.10", ["大\n米", "x"]),
            ("A-1,`大\n\n米\n,`x,`0.10", ["大\n\n米\n", "x"]),
            ("A-1,`大,`米,`x,`0.10", ["大,`米", "x"]),
            ("A-1,`大,`,`米,`x,`0.10", ["大,`,`米", "x"]),
            ("A-1,`大\n米,`,`x,`0.10", ["大\n米,`", "x"]),
            ("A-1,`大米,`x\ny,`0.10", ["大米", "x\ny"]),
        ] {
            for end in ["\r\n", "\n"] {
                let bill = format!("{columns}{end}`{cells}{end}`A-2,`b,`,`1.00{end}总数{end}`2{end}");
                for piece in [1, 7, 1000] {
                    let lines = read(bill.as_bytes(), piece).unwrap();
                    let expected = ["A-1", name, attach, "0.10"].map(String::from).to_vec();
                    assert_eq!(lines[0], (false, expected), "{bill}");
                    assert_eq!(lines[1].1[3], "1.00");
                    assert_eq!(lines.len(), 3);
                }
            }
        }
        let crlf = format!("{columns}\r\n`A-1,`大\r\n米,`x,`0.10\r\n");
        assert_eq!(read(crlf.as_bytes(), 9).unwrap()[0].1[1], "大\r\n米");
    }

    #[test]
    fn a_row_of_very_many_lines_is_rejected() {
        let bill = |breaks: usize| format!("订单号,商品名称,金额\n`A-1,`米{}面,`0.10\n", "\n".repeat(breaks));
        assert_eq!(read(bill(MAX_ROW_LINES).as_bytes(), 1000).unwrap().len(), 1);
        let error = read(bill(MAX_ROW_LINES + 1).as_bytes(), 1000).unwrap_err();
        assert_eq!(error.problem, WRONG_CELLS);
    }

    #[test]
    fn a_short_row_never_takes_in_the_row_after_it() {
        for bill in ["商品名称,订单金额\r\n`a\r\n`b,`0.10\r\n", "商品名称,订单金额\n`a\n`b,`0.10\n"]
        {
            assert_eq!(read(bill.as_bytes(), 5).unwrap_err().problem, WRONG_CELLS);
        }
        // No cell under 商品名称 leaves an amount under 订单金额.
        let misplaced = "商品名称,订单金额\r\n`a,`b,`c\r\n";
        assert_eq!(read(misplaced.as_bytes(), 5).unwrap_err().problem, WRONG_CELLS);
    }

    proptest! {
        #[test]
        fn bill_reader_never_panics_and_piece_boundaries_do_not_matter(
            bytes in prop::collection::vec(prop::sample::select(b"a,`\r\n\xef\xbb\xbf1".to_vec()), 0..64),
            piece in 1_usize..64,
        ) {
            let at_once = read(&bytes, 64);
            prop_assert_eq!(read(&bytes, piece).is_ok(), at_once.is_ok());
            if let Ok(lines) = at_once {
                prop_assert_eq!(read(&bytes, piece).unwrap(), lines);
            }
        }
    }
}
